"""Pairs whose object is hidden, covered, or not annotated; clips, which have no annotations."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from helpers.training.data import RED, grey_noise, write_annotated_video
from mvot_training.data.folders import DataKind, find_data, identify_data
from mvot_training.data.image_store import ImageStore
from mvot_training.data.sequences import MAX_HIDDEN_VISIBILITY, read_annotated_video
from mvot_training.data.training_data import TrainingData
from mvot_training.pairs.batches import sample_batch
from mvot_training.pairs.config import SamplingConfig
from mvot_training.pairs.sampling import sample_pair
from mvot_training.pairs.unlabelled import LARGEST_STEP

SIDE = 200.0
SIZE = 128, 96


def plain_config(origin, **options):
    values = {"negative_share": 0.0, "photometric": False, "texture_share": 0.0, **options}
    return SamplingConfig(weights={origin: 1.0}, **values)


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    """A video of two objects; the first one is hidden on every third frame."""
    folder = tmp_path_factory.mktemp("clips") / "pair"
    write_annotated_video(folder, masked=False)
    read = read_annotated_video(folder, None)
    is_hidden = (read.id == 1) & (read.frame % 3 == 2)
    rows = tuple(np.flatnonzero((read.id == k) & ~((k == 1) & is_hidden)) for k in (1, 2))
    hidden = replace(read, visibility=np.where(is_hidden, 0.1, read.visibility))
    assert [list(part) for part in hidden.object_rows] == [list(part) for part in rows]
    return hidden


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """A folder with a video file of 20 frames, each of its own brightness."""
    folder = tmp_path_factory.mktemp("films")
    writer = cv2.VideoWriter(str(folder / "film.mp4"), cv2.VideoWriter_fourcc(*"mp4v"), 25, SIZE)
    for number in range(20):
        writer.write(np.full((SIZE[1], SIZE[0], 3), 10 * number + 20, np.uint8))
    writer.release()
    return folder


def sample_pairs(data, config, count=200):
    return [sample_pair(data, np.random.default_rng(n), SIDE, config) for n in range(count)]


def test_hidden_rows_are_those_of_an_object_that_is_hardly_seen(video):
    assert video.frame[video.hidden_rows(1)].tolist() == [2, 5, 8, 11]
    assert (video.visibility[video.hidden_rows(1)] <= MAX_HIDDEN_VISIBILITY).all()
    assert len(video.hidden_rows(2)) == 0


@pytest.mark.parametrize("share", [0.0, 0.4, 1.0])
def test_a_share_of_the_pairs_shows_where_the_object_is_hidden(video, share):
    """Of objects that are ever hidden; a pair shows the same object, but counts as negative."""
    data = TrainingData(videos=(video,))
    pairs = sample_pairs(data, plain_config("videos", hidden_share=share, crowd_share=1.0))
    hidden = [pair for pair in pairs if not pair.positive]
    assert all(pair.labelled for pair in pairs)
    places = {tuple(box) for box in video.xyxy[video.hidden_rows(1)].tolist()}
    for pair in pairs:
        assert (tuple(pair.search.box.tolist()) in places) == (not pair.positive)
        assert tuple(pair.exemplar.box.tolist()) not in places
    assert len(hidden) / len(pairs) == pytest.approx({0.0: 0, 0.4: 0.25, 1.0: 1}[share], abs=0.1)


def test_a_share_of_the_positive_pairs_is_covered(video):
    """By something else of the same image; then nothing is to be found."""
    data = TrainingData(videos=(video,))
    plain, covered = (plain_config("videos", cover_share=share) for share in (0.0, 1.0))
    before = sample_batch(data, np.random.default_rng(1), 2, 12, plain)
    assert before.positive.all()
    batch = sample_batch(data, np.random.default_rng(1), 2, 12, covered)
    assert not batch.positive.any()
    assert batch.labelled.all()
    some = sample_batch(
        data, np.random.default_rng(1), 1, 300, plain_config("videos", cover_share=0.3)
    )
    assert some.positive.mean() == pytest.approx(0.7, abs=0.08)


def test_a_cover_hides_the_object_and_nothing_far_away(video):
    data = TrainingData(videos=(video,))
    images = {}
    for share in (0.0, 1.0):
        config = plain_config("videos", cover_share=share)
        images[share] = sample_batch(data, np.random.default_rng(3), 2, 1, config)
    before, after = images[0.0], images[1.0]
    assert np.array_equal(before.boxes, after.boxes)
    x0, y0, x1, y1 = np.clip(before.boxes[0], 0, 272).astype(int)
    changed = (before.searches[0] != after.searches[0]).any(2)
    assert changed[y0 + 2 : y1 - 2, x0 + 2 : x1 - 2].mean() > 0.9
    margin = int(0.1 * max(x1 - x0, y1 - y0)) + 2
    low, high = np.maximum([y0 - margin, x0 - margin], 0), [y1 + margin, x1 + margin]
    changed[low[0] : high[0], low[1] : high[1]] = False
    assert not changed.any()


def test_video_files_are_clips(clip):
    (path,) = list(find_data(clip))[1:]
    assert (path.name, identify_data(path)) == ("film.mp4", DataKind.CLIP)
    (clip / "seqinfo.ini").touch()
    try:
        assert list(find_data(clip)) == [clip]
    finally:
        (clip / "seqinfo.ini").unlink()


def test_clips_are_read_and_cached(clip, tmp_path):
    write_annotated_video(tmp_path / "clips" / "pair", masked=False)
    roots, options = [tmp_path / "clips", clip], {"synthetic_scenes": 0, "progress": False}
    for cache in (None, tmp_path / "cache", tmp_path / "cache"):
        data = TrainingData.read(roots, cache=cache, **options)
        (store,) = data.clips
        assert len(store) == 20
        assert store[0].shape == (96, 128, 3)
        assert int(store[19].mean()) - int(store[0].mean()) == pytest.approx(190, abs=12)
    assert TrainingData.read(roots, held_out=("film.mp4",), **options).clips == ()


def test_pairs_of_a_clip_are_the_same_place_a_few_frames_later(clip, tmp_path):
    write_annotated_video(tmp_path / "pair", masked=False)
    data = TrainingData.read([tmp_path, clip], synthetic_scenes=0, progress=False)
    pairs = sample_pairs(data, plain_config("unlabelled"), 60)
    steps = []
    for pair in pairs:
        assert (pair.labelled, pair.positive) == (False, True)
        assert np.array_equal(pair.exemplar.box, pair.search.box)
        x0, y0, x1, y1 = pair.exemplar.box
        assert 0 <= x0 < x1
        assert 0 <= y0 < y1
        if pair.exemplar.image.shape[:2] == (96, 128):
            values = [int(part.image.mean()) for part in (pair.search, pair.exemplar)]
            steps.append(round((values[0] - values[1]) / 10))
    assert len(set(steps)) > 5
    assert max(abs(step) for step in steps) <= LARGEST_STEP


def test_pairs_of_photos_are_boxes_with_texture():
    """The chosen box is more often in the half with texture than in the half without."""
    photo = grey_noise(np.random.default_rng(0))
    photo[:, 200:] = RED
    data = TrainingData(backgrounds=(ImageStore.of([photo]),))
    pairs = sample_pairs(data, plain_config("unlabelled"), 100)
    assert not any(pair.labelled for pair in pairs)
    left = np.mean([pair.exemplar.box[0] < 200 for pair in pairs])
    assert left > 0.8
    batch = sample_batch(data, np.random.default_rng(0), 1, 6, plain_config("unlabelled"))
    assert not batch.labelled.any()


def test_without_a_label_nothing_is_covered():
    photo = grey_noise(np.random.default_rng(0))
    data = TrainingData(backgrounds=(ImageStore.of([photo]),))
    config = plain_config("unlabelled", cover_share=1.0)
    assert sample_batch(data, np.random.default_rng(0), 1, 6, config).positive.all()

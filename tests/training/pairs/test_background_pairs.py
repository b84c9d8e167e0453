"""Pairs whose exemplar holds no object: SiamMOT's negative triplets."""

from dataclasses import replace
from unittest.mock import patch

import numpy as np
import pytest

from helpers.synthetic import without_shape_checks
from helpers.training.data import write_annotated_video
from mvot_plugin.ops.boxes import intersection
from mvot_training.data import sequences
from mvot_training.data.ground_truth import read_ignored
from mvot_training.data.sequences import read_annotated_video, render_annotated_video
from mvot_training.data.training_data import TrainingData
from mvot_training.pairs.batches import sample_batch
from mvot_training.pairs.config import SamplingConfig
from mvot_training.pairs.sampling import sample_pair

SIDE = 120.0


def plain_config(share=1.0, weights=None, **options):
    values = {"negative_share": 0.0, "photometric": False, "background_share": share, **options}
    return SamplingConfig(weights=weights or {"videos": 1.0}, **values)


def sample_pairs(data, config, count=100):
    return [sample_pair(data, np.random.default_rng(n), SIDE, config) for n in range(count)]


def find_frame(video, image):
    return next(n for n, frame in enumerate(video.frames) if np.shares_memory(frame, image))


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    """A video of two objects, with a wide row to be ignored above and a tiny one below them."""
    folder = tmp_path_factory.mktemp("clips") / "pair"
    write_annotated_video(folder, masked=False)
    with (folder / "gt" / "gt.txt").open("a") as file:
        for frame in range(1, 13):
            file.write(f"\n{frame},7,1,1,400,65,0,-1,-1,-1\n{frame},8,200,190,3,3,1,-1,-1,-1")
    return read_annotated_video(folder, None)


@pytest.fixture(scope="module")
def lone(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clips") / "lone"
    write_annotated_video(folder, masked=True)
    return read_annotated_video(folder, None)


@pytest.fixture(scope="module")
def street():
    with patch.object(sequences, "STREET_FRAMES", 12), without_shape_checks():
        return render_annotated_video(5, None)


@pytest.mark.parametrize("kind", ["videos", "synthetic"])
def test_no_object_is_at_the_place_of_the_exemplar(video, street, kind):
    source = {"videos": video, "synthetic": street}[kind]
    data = TrainingData(**{kind: (source,)})
    sides = (source.xyxy[:, 2:] - source.xyxy[:, :2]).astype(np.float64)
    for pair in sample_pairs(data, plain_config(weights={kind: 1.0}, max_gap=4)):
        assert (pair.positive, pair.labelled) == (False, True)
        assert pair.parents == (source.name, source.name)
        box = pair.exemplar.box
        assert np.array_equal(pair.search.box, box)
        frame, other = (find_frame(source, one.image) for one in (pair.exemplar, pair.search))
        assert 1 <= abs(frame - other) <= 4
        objects = source.xyxy[source.frame == frame].astype(np.float64)
        assert not intersection(box[None], objects).any()
        height, width = pair.exemplar.image.shape[:2]
        assert (box >= 0).all()
        assert (box[2:] <= np.array([width, height]) + 1e-9).all()
        assert abs(sides - (box[2:] - box[:2])).max(1).min() < 1e-3


def test_ignored_objects_are_objects_too(video):
    assert [len(video.annotated_boxes(frame)) for frame in (0, 5, 11)] == [4, 4, 4]
    assert sorted(video.ignored) == list(range(12))
    pairs = sample_pairs(TrainingData(videos=(video,)), plain_config())
    for pair in pairs:
        box = pair.exemplar.box
        assert box[1] >= 65
        assert not intersection(box[None], np.array([[199.0, 189, 202, 192]])).any()


def test_ignored_rows_are_those_that_are_not_used(tmp_path):
    rows = ["1,1,11,21,30,40,1", "1,2,11,21,30,40,0", "2,3,1,1,3,40,1", "2,4,1,1,inf,40,1"]
    (tmp_path / "gt").mkdir()
    (tmp_path / "gt" / "gt.txt").write_text("\n".join(rows))
    assert read_ignored(tmp_path).id.tolist() == [2, 3]


def test_without_another_frame_it_is_the_same(video):
    for pair in sample_pairs(TrainingData(videos=(video,)), plain_config(max_gap=0), 20):
        assert np.shares_memory(pair.exemplar.image, pair.search.image)
        assert not pair.positive


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_it_is_a_share_of_the_pairs(video, share):
    data = TrainingData(videos=(video,))
    batch = sample_batch(data, np.random.default_rng(1), 1, 200, plain_config(share))
    assert batch.labelled.all()
    assert 1 - batch.positive.mean() == pytest.approx(share, abs=0.1 * (0 < share < 1))


def test_places_are_where_all_objects_are_annotated(video, lone, street):
    """Not in videos of one object, nor in those that are not to be sampled from."""
    alone = TrainingData(videos=(lone,))
    assert all(pair.positive for pair in sample_pairs(alone, plain_config(), 30))
    data = TrainingData(videos=(lone, video), synthetic=(street,))
    for weights, names in (
        ({"videos": 1.0}, {"pair"}),
        ({"videos": 1.0, "synthetic": 0.0}, {"pair"}),
        ({"videos": 1.0, "synthetic": 1.0}, {"pair", street.name}),
    ):
        pairs = sample_pairs(data, plain_config(weights=weights), 30)
        assert {pair.parents[0] for pair in pairs if not pair.positive} == names


def test_without_a_free_place_another_pair_is_sampled(video):
    """The boxes of the objects are as large as the frame."""
    height, width = video.frames[0].shape[:2]
    full = np.broadcast_to(np.float32([0, 0, width, height]), video.xyxy.shape)
    pairs = sample_pairs(TrainingData(videos=(replace(video, xyxy=full),)), plain_config(), 10)
    assert all(pair.positive for pair in pairs)


def test_pairs_repeat_with_the_seed(video):
    data, config = TrainingData(videos=(video,)), plain_config(0.5)
    one, again = (sample_batch(data, np.random.default_rng(3), 1, 20, config) for _ in range(2))
    for name in ("exemplars", "searches", "boxes", "positive"):
        assert np.array_equal(getattr(one, name), getattr(again, name))


def test_without_a_share_the_first_number_says_whether_a_pair_is_negative(video):
    """As before there was a share: trainings of the same seed have the same pairs."""
    data, config = (
        TrainingData(videos=(video,)),
        plain_config(0.0, negative_share=0.5, hard_share=1.0),
    )
    expected = [np.random.default_rng(n).random() >= 0.5 for n in range(40)]
    assert [pair.positive for pair in sample_pairs(data, config, 40)] == expected

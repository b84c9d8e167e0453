from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from helpers.reference_siammotion import pyramid_level
from helpers.training.data import FRAMES, grey_noise, write_annotated_photos, write_annotated_video
from mvot_plugin.errors import InputError, UsageError
from mvot_plugin.ops.areas import context_side, square_areas
from mvot_plugin.ops.boxes import xyxy_to_cxcywh
from mvot_training.data import sequences
from mvot_training.data.cutouts import extract_cutout, outline_cutout
from mvot_training.data.image_store import ImageStore
from mvot_training.data.sequences import read_annotated_video
from mvot_training.data.training_data import TrainingData
from mvot_training.pairs.batches import PAIR_GEOMETRIES, PairBatch, SamplingConfig, sample_batch
from mvot_training.pairs.layers import Layer, hidden_share
from mvot_training.pairs.preview import draw_pairs


@pytest.fixture(scope="module")
def roots(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    root = tmp_path_factory.mktemp("data")
    write_annotated_video(root / "sequences" / "pair", masked=False)
    write_annotated_video(root / "sequences" / "lone", masked=True)
    write_annotated_photos(root / "photos" / "discs")
    photos = root / "photos" / "plain"
    photos.mkdir()
    for number in range(2):
        photo = grey_noise(np.random.default_rng(number), (200, 160))
        cv2.circle(photo, (100, 80), 36, (60, 200, 60), cv2.FILLED)
        cv2.imwrite(str(photos / f"{number}.jpg"), photo)
    return [root / "sequences", root / "photos"]


def read_training_data(roots: list[Path], **options: Any) -> TrainingData:
    return TrainingData.read(roots, **{"synthetic_scenes": 0, "progress": False, **options})


@pytest.fixture(scope="module")
def data(roots: list[Path]) -> TrainingData:
    return read_training_data(roots)


def plain_config(origin: str, **options: Any) -> SamplingConfig:
    values = {"negative_share": 0.0, "photometric": False, "texture_share": 0.0, **options}
    return SamplingConfig(weights={origin: 1.0}, **values)


def is_coloured(image: np.ndarray) -> np.ndarray:
    return np.ptp(image.astype(int), axis=2) > 60


def is_near(box: np.ndarray, size: int) -> np.ndarray:
    """Mask of the pixels in a box or within 3 pixels of it."""
    x0, y0, x1, y1 = np.clip([*(box[:2] - 3), *(box[2:] + 3)], 0, size).astype(int)
    mask = np.zeros((size, size), bool)
    mask[y0:y1, x0:x1] = True
    return mask


def bounding_box(mask: np.ndarray) -> np.ndarray:
    rows, columns = np.nonzero(mask)
    return np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])


def dominant_channel(image: np.ndarray, box: np.ndarray) -> int:
    x, y = ((box[:2] + box[2:]) / 2).astype(int)
    return int(np.argmax(image[y, x]))


def test_everything_is_read(data: TrainingData) -> None:
    assert {video.name: len(video.frames) for video in data.videos} == {"lone": 12, "pair": 12}
    assert [len(photos.image_index) for photos in data.photos] == [2]
    assert {kind: len(objects) for kind, objects in data.cutouts.items()} == {
        "videos": 1,
        "annotated photos": 2,
        "photos": 2,
    }
    assert data.cutouts["videos"][0].count == FRAMES
    assert sum(map(len, data.backgrounds)) == 4


def test_held_out_sequences_are_left_out(roots: list[Path]) -> None:
    data = read_training_data(roots, held_out=("lone",))
    assert [video.name for video in data.videos] == ["pair"]
    assert "videos" not in data.cutouts


def test_a_cache_gives_the_same_pairs(
    roots: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sequences, "STREET_FRAMES", 4)
    monkeypatch.setattr(sequences, "STREET_SIZE", (160, 120))
    batches = [
        sample_batch(
            read_training_data(roots, cache=cache, synthetic_scenes=1),
            np.random.default_rng(3),
            1,
            8,
        )
        for cache in (None, tmp_path / "cache", tmp_path / "cache")
    ]
    for batch in batches[1:]:
        assert is_same(batch, batches[0])


def is_same(a: PairBatch, b: PairBatch) -> bool:
    return all(np.array_equal(value, vars(b)[name]) for name, value in vars(a).items())


@pytest.mark.parametrize("level", [1, 2, 3, 4])
def test_shapes_and_levels(data: TrainingData, level: int) -> None:
    batch = sample_batch(data, np.random.default_rng(level), level, 12)
    geometry = PAIR_GEOMETRIES[level]
    assert batch.exemplars.shape == (12, geometry.exemplar_size, geometry.exemplar_size, 3)
    assert batch.searches.shape == (12, geometry.search_size, geometry.search_size, 3)
    side = context_side(batch.priors) * 31 / 15
    areas = square_areas(batch.priors, side)
    assert {pyramid_level(each) for each in side.tolist()} == {level}
    assert ((side > geometry.min_side - 1) & (side < geometry.max_side + 1)).all()
    assert (areas >= 0).all()
    assert (areas <= geometry.search_size).all()
    apart = xyxy_to_cxcywh(batch.boxes)[:, :2] - xyxy_to_cxcywh(batch.priors)[:, :2]
    assert (abs(apart) <= 64 / 255 * side[:, None] + 0.01).all()
    exemplar_areas = square_areas(batch.exemplar_boxes, context_side(batch.exemplar_boxes))
    assert (exemplar_areas >= 0).all()
    assert (exemplar_areas <= geometry.exemplar_size).all()


@pytest.mark.parametrize("origin", ["videos", "photos"])
@pytest.mark.parametrize("level", [1, 2])
def test_the_ground_truth_encloses_the_object(data: TrainingData, origin: str, level: int) -> None:
    batch = sample_batch(data, np.random.default_rng(5), level, 40, plain_config(origin))
    for row in range(40):
        box, size = batch.boxes[row], PAIR_GEOMETRIES[level].search_size
        measured = bounding_box(is_coloured(batch.searches[row]) & is_near(box, size))
        assert measured == pytest.approx(np.clip(box, 0, size), abs=1.6)


def test_exemplar_boxes_are_nearly_exact(data: TrainingData) -> None:
    batch = sample_batch(data, np.random.default_rng(6), 3, 30, plain_config("photos"))
    for image, box in zip(batch.exemplars, batch.exemplar_boxes, strict=True):
        measured, side = bounding_box(is_coloured(image)), float(context_side(box[None])[0])
        assert measured == pytest.approx(box, abs=0.09 * side + 1)


def test_cut_outs_are_pasted_where_the_box_is(data: TrainingData) -> None:
    grey = ImageStore.of([grey_noise(np.random.default_rng(1))])
    lone = TrainingData(cutouts={"videos": data.cutouts["videos"]}, backgrounds=(grey,))
    batch = sample_batch(lone, np.random.default_rng(8), 2, 60, plain_config("cutouts"))
    errors = []
    for image, box in zip(batch.searches, batch.boxes, strict=True):
        measured = bounding_box(is_coloured(image) & is_near(box, PAIR_GEOMETRIES[2].search_size))
        errors.append(abs(measured - np.clip(box, 0, PAIR_GEOMETRIES[2].search_size)).max())
    assert np.median(errors) < 2.5


def test_negatives_show_another_object(data: TrainingData) -> None:
    config = plain_config("videos", negative_share=1.0, hard_share=1.0)
    pair = TrainingData(videos=tuple(v for v in data.videos if v.name == "pair"))
    batch = sample_batch(pair, np.random.default_rng(9), 2, 30, config)
    assert not batch.positive.any()
    for row in range(30):
        exemplar_channel = dominant_channel(batch.exemplars[row], batch.exemplar_boxes[row])
        assert {exemplar_channel, dominant_channel(batch.searches[row], batch.boxes[row])} == {0, 2}


def test_a_fifth_of_the_pairs_is_negative(data: TrainingData) -> None:
    positive = sample_batch(data, np.random.default_rng(10), 1, 300).positive
    assert 0.7 < positive.mean() < 0.9


def test_pairs_repeat_with_the_seed(data: TrainingData) -> None:
    a, b, other = (sample_batch(data, np.random.default_rng(s), 2, 20) for s in (1, 1, 2))
    assert is_same(a, b)
    assert not is_same(a, other)


def test_too_little_data_is_an_error(data: TrainingData) -> None:
    with pytest.raises(UsageError, match="has nothing of"):
        sample_batch(TrainingData(), np.random.default_rng(0), 1, 1)
    lone = TrainingData(videos=tuple(v for v in data.videos if v.name == "lone"))
    with pytest.raises(UsageError, match="too little for pairs of two"):
        sample_batch(
            lone, np.random.default_rng(0), 1, 1, plain_config("videos", negative_share=1.0)
        )


def test_unreadable_data_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no sequences and no annotated photos"):
        read_training_data([tmp_path])
    with pytest.raises(InputError, match="is not a folder"):
        read_training_data([tmp_path / "nothing"])
    (tmp_path / "instances.json").write_text("[]")
    with pytest.raises(InputError, match=r"instances\.json is not a COCO"):
        read_training_data([tmp_path])


def test_large_frames_are_reduced_with_their_boxes(tmp_path: Path) -> None:
    folder = tmp_path / "large"
    (folder / "gt").mkdir(parents=True)
    (folder / "img1").mkdir()
    for frame in (1, 2):
        cv2.imwrite(str(folder / "img1" / f"{frame}.png"), np.zeros((500, 2000, 3), np.uint8))
    (folder / "gt" / "gt.txt").write_text("1,1,101,201,40,60,1\n2,1,101,201,40,60,1\n2,2,1,1,9,9,0")
    (folder / "seqinfo.ini").write_text("[Sequence]\nseqLength=2\n")
    video = read_annotated_video(folder, None)
    assert video.frames[0].shape == (250, 1000, 3)
    assert video.xyxy.tolist() == [[50, 100, 70, 130]] * 2


def test_a_cut_out_is_cropped_to_its_extent() -> None:
    mask = np.zeros((90, 120), np.uint8)
    mask[20:70, 30:100] = 255
    cutout = extract_cutout(np.full((90, 120, 3), 200, np.uint8), mask)
    assert cutout is not None
    object_image = outline_cutout(cutout)
    assert (object_image.box[2:] - object_image.box[:2]).tolist() == [70, 50]
    assert extract_cutout(cutout[..., :3], np.zeros(cutout.shape[:2], np.uint8)) is None


def test_the_hidden_share_is_relative_to_the_hidden_layer() -> None:
    solid = np.full((10, 20, 4), 255, np.uint8)
    behind, front = Layer(pixels=solid, left=5, top=5), Layer(pixels=solid, left=15, top=5)
    assert hidden_share(behind, front) == pytest.approx(0.5)
    assert hidden_share(behind, Layer(pixels=solid, left=40, top=5)) == 0


def test_the_sheet_of_pairs_is_an_image(data: TrainingData, tmp_path: Path) -> None:
    draw_pairs(tmp_path / "sheet.png", data, np.random.default_rng(0), count=6)
    assert cv2.imread(str(tmp_path / "sheet.png")).shape == (480, 1920, 3)
    with pytest.raises(InputError, match="cannot be written"):
        draw_pairs(tmp_path / "no" / "sheet.png", data, np.random.default_rng(0), count=1)

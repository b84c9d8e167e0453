"""Masks of the objects in search images, against the colours of objects over grey."""

from dataclasses import replace
from unittest.mock import patch

import cv2
import numpy as np
import pytest

from helpers.synthetic import without_shape_checks
from helpers.training.data import (
    FRAMES,
    LEFT,
    RED,
    box_at,
    grey_noise,
    write_annotated_photos,
    write_annotated_video,
)
from mvot_plugin.errors import InputError
from mvot_training.data import sequences
from mvot_training.data.cutouts import create_cutout_objects
from mvot_training.data.image_store import ImageStore
from mvot_training.data.sequences import read_annotated_video
from mvot_training.data.training_data import TrainingData
from mvot_training.pairs import compositing
from mvot_training.pairs.augmentation import ObjectImage, ObjectView, occlude
from mvot_training.pairs.batches import PAIR_GEOMETRIES, sample_batch
from mvot_training.pairs.compositing import Composite
from mvot_training.pairs.config import SamplingConfig
from mvot_training.pairs.layers import Layer
from mvot_training.pairs.masks import draw_mask
from mvot_training.pairs.preview import draw_pairs
from mvot_training.prefetch import BatchPrefetcher

SEARCH_SIZE = PAIR_GEOMETRIES[2].search_size
UNIT_VIEW = ObjectView(
    matrix=np.array([[1.0, 0, 0], [0, 1, 0]]), size=12, box=np.zeros(4), prior=np.zeros(4)
)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A video of one object with masks, one of two without, two photos and their cut-outs."""
    root = tmp_path_factory.mktemp("data")
    write_annotated_video(root / "lone", masked=True)
    write_annotated_video(root / "pair", masked=False)
    write_annotated_photos(root / "discs")
    with patch.object(sequences, "STREET_FRAMES", 12), without_shape_checks():
        return TrainingData.read([root], synthetic_scenes=1, progress=False)


def plain_config(origin, **options):
    values = {"negative_share": 0.0, "photometric": False, "texture_share": 0.0, "crowd_share": 0.0}
    return SamplingConfig(weights={origin: 1.0}, **{**values, "masks": True, **options})


def sample(data, config, count=30, seed=4):
    return sample_batch(data, np.random.default_rng(seed), 2, count, config)


def assert_masks_show_the_colours(batch):
    """Each mask is where the image is coloured, within a pixel and a half."""
    assert batch.masked.all()
    assert batch.masks.shape == (len(batch.masked), SEARCH_SIZE, SEARCH_SIZE)
    around = np.ones((3, 3), np.uint8)
    for image, mask in zip(batch.searches, batch.masks, strict=True):
        coloured = (np.ptp(image.astype(int), axis=2) > 60).astype(np.uint8)
        assert set(np.unique(mask)) == {0, 1}
        assert (cv2.erode(coloured, around) <= mask).all()
        assert (mask <= cv2.dilate(coloured, around)).all()


@pytest.mark.parametrize("origin", ["videos", "photos"])
def test_masks_are_where_the_objects_are(data, origin):
    assert_masks_show_the_colours(sample(data, plain_config(origin)))


@pytest.fixture
def discs(monkeypatch):
    """A cut-out of a red ring, pasted over grey without anything else and without blur."""
    for name in ("LOOKALIKE_SHARE", "OCCLUDER_SHARE", "MOTION_BLUR_SHARE"):
        monkeypatch.setattr(compositing, name, 0.0)
    alpha = np.zeros((90, 90), np.uint8)
    cv2.circle(alpha, (45, 45), 36, 255, 14)
    ring = np.where(alpha[..., None] > 0, (*RED, 255), 0).astype(np.uint8)
    cutouts = create_cutout_objects(ImageStore.of([ring]), [(-1, "ring")])
    grey = ImageStore.of([grey_noise(np.random.default_rng(1))])
    return TrainingData(cutouts={"rings": tuple(cutouts)}, backgrounds=(grey,))


def test_masks_of_cut_outs_are_their_alpha(discs):
    batch = sample(discs, plain_config("cutouts"))
    assert_masks_show_the_colours(batch)
    x, y = np.round((batch.boxes[:, :2] + batch.boxes[:, 2:]) / 2).astype(int).T
    inside = ((x >= 0) & (x < SEARCH_SIZE)) & ((y >= 0) & (y < SEARCH_SIZE))
    rows = np.flatnonzero(inside)
    assert len(rows) > 20
    assert not batch.masks[rows, y[rows], x[rows]].any()


def test_an_occluder_hides_a_part_of_the_layer():
    def layer(left, top, alpha):
        pixels = np.zeros((4, 6, 4), np.uint8)
        pixels[..., 3] = alpha
        return Layer(pixels=pixels, left=left, top=top)

    composite = Composite(
        image=np.zeros((12, 12, 3), np.uint8), layer=layer(2, 3, 128), occluder=layer(5, 5, 255)
    )
    nothing = ObjectImage(image=np.zeros((4, 6, 4), np.uint8), box=np.zeros(4))
    expected = np.zeros((12, 12), np.uint8)
    expected[3:7, 2:8] = 1
    expected[5:7, 5:8] = 0
    assert np.array_equal(draw_mask(composite, nothing, UNIT_VIEW), expected)
    for hidden in (layer(2, 3, 255), None):
        faint = replace(composite, layer=layer(2, 3, 127), occluder=hidden)
        assert draw_mask(faint, nothing, UNIT_VIEW) is None


def test_a_mask_has_all_parts_of_an_object():
    """Also where they overlap; and nothing is known without polygons, masks and layers."""
    boxes = ((1, 1, 6, 6), (4, 4, 9, 11))
    corners = [[[x0, y0], [x1, y0], [x1, y1], [x0, y1]] for x0, y0, x1, y1 in boxes]
    image = np.zeros((12, 12, 3), np.uint8)
    parts = ObjectImage(
        image=image, box=np.zeros(4), polygons=tuple(np.array(part, float) for part in corners)
    )
    expected = np.zeros((12, 12), np.uint8)
    for x0, y0, x1, y1 in boxes:
        expected[y0:y1, x0:x1] = 1
    mask = draw_mask(Composite(image=image), parts, UNIT_VIEW)
    assert (expected <= mask).all()
    assert (mask <= cv2.dilate(expected, np.ones((3, 3), np.uint8))).all()
    assert draw_mask(Composite(image=image), replace(parts, polygons=()), UNIT_VIEW) is None


@pytest.mark.parametrize(
    ("origin", "options"),
    [
        ("videos", {"cover_share": 1.0}),
        ("videos", {"crowd_share": 1.0}),
        ("videos", {"crowd_share": 1.0, "negative_share": 1.0, "hard_share": 1.0}),
        ("photos", {"negative_share": 1.0, "hard_share": 1.0}),
        ("videos", {"background_share": 1.0}),
        ("synthetic", {"hidden_share": 0.3}),
        ("unlabelled", {}),
    ],
)
def test_other_pairs_have_no_mask(data, origin, options):
    batch = sample(data, plain_config(origin, **options), count=12)
    assert not batch.masked.any()
    assert batch.masks.shape == (12, SEARCH_SIZE, SEARCH_SIZE)
    assert not batch.masks.any()


def test_masks_change_nothing_else(data):
    with_masks, without = (
        sample(data, SamplingConfig(masks=masks), count=60) for masks in (True, False)
    )
    assert without.masks is None
    assert not without.masked.any()
    assert 0.2 < with_masks.masked.mean() < 0.9
    assert not with_masks.masks[~with_masks.masked].any()
    assert not (with_masks.masked & ~with_masks.positive).any()
    for name in set(vars(without)) - {"masks", "masked"}:
        assert np.array_equal(getattr(with_masks, name), getattr(without, name))


def test_a_painted_rectangle_is_removed_from_the_mask():
    view = replace(UNIT_VIEW, size=60, box=np.array([10.0, 10, 50, 50]))
    painted = 0
    for seed in range(400):
        image, mask = np.full((60, 60, 3), 7, np.uint8), np.ones((60, 60), np.uint8)
        occlude(np.random.default_rng(seed), image, view, mask)
        assert np.array_equal(mask == 0, (image != 7).any(2))
        painted += not mask.all()
    assert 5 < painted < 50


def test_masks_come_from_other_processes(data):
    config = SamplingConfig(masks=True)
    with BatchPrefetcher(lambda step: sample(data, config, 6, step), range(3), 1) as batches:
        for step, batch in enumerate(batches):
            here = sample(data, config, 6, step)
            assert np.array_equal(batch.masks, here.masks)
            assert np.array_equal(batch.masked, here.masked)


def test_the_masks_of_a_video_are_read_and_cached(tmp_path):
    folder = tmp_path / "lone"
    write_annotated_video(folder, masked=True)
    for stem in (None, tmp_path / "cache" / "lone", tmp_path / "cache" / "lone"):
        video = read_annotated_video(folder, stem)
        assert len(video.masks) == FRAMES
        for frame in (0, 5):
            x, y, width, height = box_at(LEFT, frame)
            expected = np.zeros(video.frames[0].shape[:2], np.uint8)
            expected[y : y + height, x : x + width] = 255
            assert np.array_equal(video.masks[frame][..., 0], expected)
            assert np.array_equal(video.object_image(frame).mask, video.masks[frame])
    assert (tmp_path / "cache" / "lone.masks.npy").is_file()


def test_frames_after_the_last_mask_have_none(tmp_path):
    write_annotated_video(tmp_path / "lone", masked=True)
    (tmp_path / "lone" / "mask" / f"{FRAMES:06d}.png").unlink()
    video = read_annotated_video(tmp_path / "lone", None)
    known = [video.object_image(row).mask is not None for row in range(FRAMES)]
    assert known == [True] * (FRAMES - 1) + [False]


def test_masks_of_several_objects_are_left_out(tmp_path):
    """It is not told whose they are."""
    write_annotated_video(tmp_path / "pair", masked=False)
    mask = np.full((240, 400), 255, np.uint8)
    cv2.imwrite(str(tmp_path / "pair" / "mask" / "000001.png"), mask)
    assert read_annotated_video(tmp_path / "pair", None).masks is None


def test_an_unreadable_mask_is_an_error(tmp_path):
    write_annotated_video(tmp_path / "lone", masked=True)
    (tmp_path / "lone" / "mask" / "000003.png").write_text("no image")
    with pytest.raises(InputError, match=r"000003\.png cannot be read"):
        read_annotated_video(tmp_path / "lone", None)


def test_the_sheet_of_pairs_tints_masks(data, tmp_path):
    sheets = []
    for masks in (False, True):
        path, config = tmp_path / f"{masks}.png", plain_config("videos", masks=masks)
        draw_pairs(path, data, np.random.default_rng(0), count=4, config=config)
        sheets.append(cv2.imread(str(path)).astype(int))
    changed = (sheets[0] != sheets[1]).any(2)
    assert changed.any()
    assert (np.ptp(sheets[0], axis=2)[changed] > 30).mean() > 0.9

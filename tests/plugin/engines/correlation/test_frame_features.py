"""SiamMT 4.1: the frame is rescaled for its targets, and only their parts are extracted."""

import cv2
import numpy as np
import pytest
import torch
from torch.testing import assert_close

from helpers.engine_runs import APART, narrow_correlation
from mvot_plugin.engines.correlation.extraction import (
    LARGEST_ZOOM,
    FrameFeatures,
    FrameScale,
    count_pixels,
    find_parts,
)
from mvot_plugin.models.siamfc.config import GEOMETRY, PRESETS
from mvot_plugin.ops.areas import scale_areas
from mvot_plugin.ops.images import crop_rectangle, mean_color
from mvot_plugin.types import as_frame

CONFIG = PRESETS["siammt"]
ALL = slice(None)


def squares(*sides):
    return np.array([[50, 60, 50 + side, 60 + side] for side in sides], np.float32)


def random_squares(count, side, frame):
    """Squares at random positions in a frame."""
    corner = np.random.default_rng(0).uniform(0, 1, (count, 2)) * (np.array(frame) - side)
    return np.hstack([corner, corner + side]).astype(np.float32)


@pytest.fixture(scope="module")
def network():
    return narrow_correlation("siammt").network


def zoom(frame, boxes, **settings):
    """The factor by which a frame is rescaled for boxes."""
    return FrameScale(**settings).choose(CONFIG, frame, boxes)


def extract_crops(network, frame, factor, areas, bins):
    """Crop features of areas of a frame."""
    features = FrameFeatures.extract(network, as_frame(frame), factor, areas, bins)
    return features.crop(ALL, areas[:, None], bins)


def extract_whole_frame(network, frame, factor, areas, bins):
    """The same from one map of the entire frame and its surroundings."""
    frame = as_frame(frame)
    entire = np.array([[0, 0, *frame.size]], np.float32)
    features = FrameFeatures.extract(network, frame, factor, entire, 400)
    assert count_pixels(features.parts) > np.prod(frame.size) * factor**2
    return features.crop(ALL, areas[None], bins)


def test_a_part_of_the_frame_has_the_features_of_the_whole(network, moving_frames):
    """Also at the frame's edges and beyond them."""
    corners = np.array([[-30, -20, 40, 50], [280, 200, 350, 260], [140, 100, 200, 180]], np.float32)
    far = np.array([[0, 0, 56, 56], [900, 100, 956, 156], [120, 640, 176, 700]], np.float32)
    large = cv2.resize(moving_frames[1].image, (1024, 768))
    small = moving_frames[1].image
    tried = [(small, APART[:1]), (small, APART), (small, corners[:1]), (small, corners[1:2])]
    for image, boxes in [*tried, (small, corners), (large, far)]:
        areas = scale_areas(CONFIG.cell_areas(boxes, 22), (0.9, 1.0, 1.1)).reshape(-1, 4)
        for factor in (1.0, 0.8, 0.83):
            ours = extract_crops(network, image, factor, areas, 22)
            whole = extract_whole_frame(network, image, factor, areas, 22)
            assert_close(ours, whole, atol=2e-3, rtol=1e-4)  # single pixels round differently
            assert ours.abs().max() > 0


def test_areas_within_areas_are_cropped_from_their_parts(network, moving_frames):
    """In any rows of the areas that the features were extracted for."""
    corners = np.array([[0, 0, 60, 60], [900, 700, 960, 760], [30, 20, 90, 80]], np.float32)
    image = cv2.resize(moving_frames[0].image, (1024, 768))
    areas = CONFIG.cell_areas(corners, 22)
    features = FrameFeatures.extract(network, as_frame(image), 1.0, areas, 22)
    assert len(features.parts) == 2
    inner = scale_areas(CONFIG.cell_areas(corners, 8), (0.9, 1.1))
    found = features.crop(ALL, inner, 8)
    whole = extract_whole_frame(network, image, 1.0, inner.reshape(-1, 4), 8)
    assert_close(found, whole, atol=1e-5, rtol=1e-4)
    for rows in (slice(0, 2), slice(1, 3)):
        few = features.crop(rows, inner[rows], 8)
        assert_close(few, found[2 * rows.start : 2 * rows.stop], atol=1e-5, rtol=1e-4)


def test_fewer_features_are_computed_than_of_the_whole_frame():
    """Two parts where the targets are far apart: the rows between two corners are no use."""
    corners = np.array([[0, 0, 60, 60], [900, 700, 960, 760]], np.float32)
    parts = find_parts((1024, 768), corners, 1.0, 6)
    assert len(parts) == 2
    assert count_pixels(parts) < 1024 * 768 / 10


def test_features_of_a_frame_are_those_of_the_image_about_the_object(network, moving_frames):
    """κ~ reconstructs the features of SiamFC's own crop (SiamMT 3.2).

    It is exact where the crop is not resized and its cells coincide with the frame's.
    """
    image, field, stride = moving_frames[0].image, GEOMETRY.field, GEOMETRY.stride
    left, top = 128 - field // 2, 88 - field // 2
    (expected,) = network.run("features", image[None, top : top + 127, left : left + 127])
    low = np.array([left, top]) + field // 2 + 0.5 - stride / 2
    areas = np.array([[*low, *(low + 6 * stride)]], np.float32)
    found = extract_crops(network, moving_frames[0], 1.0, areas, 6)
    assert_close(found, expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(
    ("sides", "factor"),
    [
        ([56, 60, 95], 1.0),
        ([10, 57, 500], 1.0),
        ([96, 96], 1.0),
        ([20, 50, 55], 56 / 50),
        ([28, 28], 2.0),
        ([3, 4, 5], 2.0),
        ([200, 200], 0.48),
    ],
)
def test_the_frame_is_rescaled_for_the_median_target(sides, factor):
    assert zoom((640, 480), squares(*sides)) == pytest.approx(factor, abs=1e-3)


def test_a_rescaled_median_target_is_above_32_pixels():
    """Unless it is so small that the frame cannot be enlarged as much."""
    for side in np.geomspace(17, 600, 50).tolist():
        for boxes in (squares(side), random_squares(200, side, (1920, 1080))):
            extracted = side * zoom((1920, 1080), boxes)
            assert 32 - 1e-1 <= extracted <= 96 + 1e-1


def test_largest_zoom_bounds_the_cost_of_tiny_targets():
    assert zoom((640, 480), squares(0.5)) == LARGEST_ZOOM


def test_frames_are_reduced_for_many_targets_only():
    """The backbone gets about ``pixels``, unless the median target would fall below 32 pixels."""
    frame, few, many = (1280, 720), squares(60), random_squares(100, 60, (1280, 720))
    assert zoom(frame, few) == 1
    assert zoom(frame, many, pixels=float("inf")) == 1
    areas = CONFIG.cell_areas(many, CONFIG.search_cells)
    for pixels in (8e5, 5e5):
        factor = zoom(frame, many, pixels=pixels)
        parts = find_parts(frame, areas, factor, CONFIG.search_cells)
        assert count_pixels(parts) == pytest.approx(pixels, rel=0.1)
    assert zoom(frame, many, pixels=1.0) == pytest.approx(32 / 60, abs=1e-3)


def test_a_target_is_enrolled_as_large_as_it_will_be_searched(moving_frames):
    """A new exemplar among targets that stay: the frame is rescaled for all of them."""
    engine = narrow_correlation("siammt")
    boxes = np.concatenate([squares(30), 2 * APART[:2]])
    targets = engine.enroll(engine.observe(moving_frames[0]), boxes)
    first = np.array([True, False, False])
    refreshed = engine.refresh(moving_frames[0], targets, boxes, first)
    assert_close(refreshed.exemplars, targets.exemplars)
    alone = engine.enroll(engine.observe(moving_frames[0]), boxes[:1])
    assert not torch.allclose(alone.exemplars, targets.exemplars[:1], atol=1e-3)


def test_a_rescaled_frame_gives_areas_in_its_own_pixels(network, moving_frames):
    """Twice the frame by hand, or by the extraction: the same features."""
    small, boxes = moving_frames[0].image, squares(28.0)
    color = mean_color(small)
    double = crop_rectangle(small, 2.0, (0.0, 0.0), (640, 480), color)
    areas = CONFIG.cell_areas(boxes, 22)
    ours = extract_crops(network, small, 2.0, areas, 22)
    by_hand = extract_crops(network, double, 1.0, 2 * areas, 22)
    inside = slice(6, 16)
    assert_close(ours[:, inside, inside], by_hand[:, inside, inside], atol=1e-5, rtol=1e-4)


def test_sizes_that_are_not_in_order_are_refused():
    with pytest.raises(ValueError, match=r"smallest=60, wanted=56 and largest=96 .* in this order"):
        FrameScale(smallest=60.0)
    with pytest.raises(ValueError, match="smallest=0, "):
        FrameScale(smallest=0.0)

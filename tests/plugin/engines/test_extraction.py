"""SiamMT 4.1: the frame is rescaled for its targets, and only their parts are extracted."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from torch.testing import assert_close

from helpers.engine_runs import APART, follow, is_close, narrow_correlation
from mvot_plugin.engines.extraction import LARGEST_ZOOM, Extraction
from mvot_plugin.models.siamfc import SiamMTNet
from mvot_plugin.ops.areas import scale_areas
from mvot_plugin.types import as_frame


def squares(*sides):
    return np.array([[50, 60, 50 + side, 60 + side] for side in sides], np.float32)


def random_squares(count, side, frame):
    """Squares at random positions in a frame."""
    corner = np.random.default_rng(0).uniform(0, 1, (count, 2)) * (np.array(frame) - side)
    return np.hstack([corner, corner + side]).astype(np.float32)


@pytest.fixture(scope="module")
def network():
    return narrow_correlation("siammt").network


def zoom(network, frame, boxes, **settings):
    """The factor by which a frame is rescaled for boxes."""
    grid = Extraction(**settings).choose_grid(network, frame, boxes)
    return grid.size[0] / frame[0]


def extract_crops(network, frame, boxes, areas, bins, **settings):
    """Crop features of areas of a frame, extracted for targets in ``boxes``."""
    frame, extraction = as_frame(frame), Extraction(**settings)
    with torch.inference_mode():
        grid = extraction.choose_grid(network, frame.size, boxes)
        features = extraction.extract(network, frame, grid, areas, bins)
        return network.crop(features.table, features.scale(areas), bins)


def test_a_part_of_the_frame_has_the_features_of_the_whole(network, moving_frames):
    """Also at the frame's edges and beyond them."""
    corners = np.array([[-30, -20, 40, 50], [280, 200, 350, 260], [140, 100, 200, 180]], np.float32)
    far = np.array([[0, 0, 56, 56], [900, 100, 956, 156], [120, 640, 176, 700]], np.float32)
    large = cv2.resize(moving_frames[1].image, (1024, 768))
    for image, boxes in [
        *(
            (moving_frames[1], boxes)
            for boxes in (APART[:1], APART, corners[:1], corners[1:2], corners)
        ),
        (large, far),
    ]:
        tried = scale_areas(network.areas(boxes, 22), (0.9, 1.0, 1.1)).reshape(-1, 4)
        ours = extract_crops(network, image, boxes, tried, 22)
        full_frame = extract_crops(network, image, boxes, tried, 22, partial=False)
        assert_close(ours, full_frame, atol=1e-5, rtol=1e-4)
        assert ours.abs().max() > 0


def test_partial_extraction_computes_fewer_features(network, monkeypatch):
    """At two parts where the targets are far apart: the rows between two corners are no use."""
    extracted, features = [], SiamMTNet.features
    monkeypatch.setattr(
        network,
        "features",
        lambda pixels: extracted.append(pixels.shape) or features(network, pixels),
    )
    corners = np.array([[0, 0, 60, 60], [900, 700, 960, 760]], np.float32)
    image = np.zeros((768, 1024, 3), np.uint8)
    extract_crops(network, image, corners, corners, 6, partial=False)
    extract_crops(network, image, corners, corners, 6)
    full_frame, *parts = (shape[2] * shape[3] for shape in extracted)
    assert len(parts) == 2
    assert sum(parts) < full_frame / 10


@pytest.mark.parametrize("window", [0.0, 1.0])
def test_partial_extraction_changes_no_track(moving_frames, window):
    """Also where targets are found at the edges of their search areas, as without a window."""
    engine = narrow_correlation("siammt")
    engine = replace(engine, search=replace(engine.search, window=window))
    entire = replace(engine, extraction=Extraction(partial=False))
    for boxes in (APART, APART[:1]):
        ours, full_frame = (follow(one, moving_frames, boxes)[1] for one in (engine, entire))
        assert all(is_close(a, b, atol=1e-3) for a, b in zip(ours, full_frame, strict=True))


def test_features_of_a_frame_are_those_of_the_image_about_the_object(network, moving_frames):
    """κ~ reconstructs the features of SiamFC's own crop (SiamMT 3.2).

    It is exact where the crop is not resized and its cells coincide with the frame's.
    """
    image, field = moving_frames[0].image, network.backbone.receptive_field
    left, top = 128 - field.size // 2, 88 - field.size // 2
    crop = image[top : top + 127, left : left + 127]
    with torch.inference_mode():
        expected = network.features(network.normalize(crop[None]))[0]
    first = np.array([left, top]) + field.size // 2 + 0.5
    low = first - field.stride / 2
    areas = np.array([[*low, *(low + 6 * field.stride)]], np.float32)
    found = extract_crops(network, moving_frames[0], squares(64), areas, 6)[0]
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
def test_the_frame_is_rescaled_for_the_median_target(network, sides, factor):
    assert zoom(network, (640, 480), squares(*sides)) == pytest.approx(factor, abs=1e-3)


def test_a_rescaled_median_target_is_above_32_pixels(network):
    """Unless it is so small that the frame cannot be enlarged as much."""
    for side in np.geomspace(17, 600, 50).tolist():
        for boxes in (squares(side), random_squares(200, side, (1920, 1080))):
            extracted = side * zoom(network, (1920, 1080), boxes)
            assert 32 - 1e-1 <= extracted <= 96 + 1e-1


def test_largest_zoom_bounds_the_cost_of_tiny_targets(network):
    assert zoom(network, (640, 480), squares(0.5)) == LARGEST_ZOOM


def test_frames_are_reduced_for_many_targets_only(network):
    """The backbone gets about ``pixels``, unless the median target would fall below 32 pixels."""
    frame, few, many = (1280, 720), squares(60), random_squares(100, 60, (1280, 720))
    assert zoom(network, frame, few) == 1
    assert zoom(network, frame, many, pixels=float("inf")) == 1
    areas = network.areas(many, network.search_cells)
    for pixels in (8e5, 5e5):
        grid = Extraction(pixels=pixels).choose_grid(network, frame, many)
        parts = grid.find_parts(areas, network.search_cells)
        assert grid.count_pixels(parts) == pytest.approx(pixels, rel=0.1)
    assert zoom(network, frame, many, pixels=1.0) == pytest.approx(32 / 60, abs=1e-3)


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
    small, boxes = as_frame(moving_frames[0].image), squares(28.0)
    double = cv2.resize(moving_frames[0].image, None, fx=2, fy=2, interpolation=cv2.INTER_LINEAR)
    areas = network.areas(boxes, 22)
    ours = extract_crops(network, small, boxes, areas, 22)
    by_hand = extract_crops(network, double, squares(64.0), 2 * areas, 22)
    assert_close(ours, by_hand, atol=1e-5, rtol=1e-4)


def test_sizes_that_are_not_in_order_are_refused():
    with pytest.raises(ValueError, match=r"smallest=60, wanted=56 and largest=96 .* in this order"):
        Extraction(smallest=60.0)
    with pytest.raises(ValueError, match="smallest=0, "):
        Extraction(smallest=0.0)

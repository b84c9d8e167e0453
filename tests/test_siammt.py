"""The engines of SiamFC's family: crops, whole-frame features, and what they have in common."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from torch.testing import assert_close

from following import APART, centres, close, follow, narrow_correlation, trained_engine
from mvot_plugin.engines import load_engine, siammt
from mvot_plugin.engines.siammt import zoom
from mvot_plugin.errors import InputError
from mvot_plugin.models.siamfc import PRESETS, CorrelationConfig, SiamFCNet, SiamMTNet
from mvot_plugin.ops.areas import scaled_areas
from mvot_plugin.ops.boxes import size
from mvot_plugin.types import as_frame
from mvot_plugin.weights import save_weights

FAMILY = tuple(PRESETS)
NARROW = (16, 32, 32, 32, 32)


def squares(*sides):
    return np.array([[50, 60, 50 + side, 60 + side] for side in sides], np.float32)


def sampled(engine, frame, areas, boxes, bins):
    """The features of some areas."""
    with torch.inference_mode():
        view = engine.view(as_frame(frame), areas, boxes, bins)
        return engine.network.crop(view.cells, view.areas(areas), bins)


def test_a_part_of_the_frame_has_the_features_of_the_whole(film):
    """SiamMT 4.1: partial extraction. Also at the frame's edges and beyond them."""
    part = narrow_correlation("siammt")
    whole = replace(part, partial=False)
    corners = np.array([[-30, -20, 40, 50], [280, 200, 350, 260], [140, 100, 200, 180]], np.float32)
    far = np.array([[0, 0, 56, 56], [900, 100, 956, 156], [120, 640, 176, 700]], np.float32)
    large = cv2.resize(film[1].image, (1024, 768))
    for image, boxes in [
        *((film[1], boxes) for boxes in (APART[:1], APART, corners[:1], corners[1:2], corners)),
        (large, far),
    ]:
        areas = part.network.areas(boxes, 22)
        tried = scaled_areas(areas, (0.9, 1.0, 1.1)).reshape(-1, 4)
        ours = sampled(part, image, tried, boxes, 22)
        assert_close(ours, sampled(whole, image, tried, boxes, 22), atol=1e-5, rtol=1e-4)
        assert ours.abs().max() > 0


def test_partial_extraction_looks_at_less(film, monkeypatch):
    """At two parts where the targets are far apart: the rows between two corners are no use."""
    engine, seen = narrow_correlation("siammt"), []
    monkeypatch.setattr(
        engine.network,
        "features",
        lambda pixels: seen.append(pixels.shape) or SiamMTNet.features(engine.network, pixels),
    )
    corners = np.array([[0, 0, 60, 60], [900, 700, 960, 760]], np.float32)
    image = np.zeros((768, 1024, 3), np.uint8)
    sampled(replace(engine, partial=False), image, corners, corners, 6)
    sampled(engine, image, corners, corners, 6)
    whole, *parts = (shape[2] * shape[3] for shape in seen)
    assert len(parts) == 2
    assert sum(parts) < whole / 10


@pytest.mark.parametrize("name", FAMILY)
def test_no_new_targets_cost_nothing(name, film, monkeypatch):
    """A detector that confirms what is there: nothing is enrolled, and no frame is looked at."""
    engine = narrow_correlation(name)
    targets = engine.enroll(film[0], APART)
    monkeypatch.setattr(engine.network, "features", None)
    moved = engine.refresh(film[1], targets, APART + 2, np.zeros(4, np.bool_))
    assert np.array_equal(moved.boxes, APART + 2)
    assert torch.equal(moved.exemplars, targets.exemplars)
    none = engine.enroll(film[1], APART[:0])
    assert engine.track(film[1], none)[1].boxes.shape == (0, 4)
    assert none.exemplars.shape[1:] == targets.exemplars.shape[1:]


@pytest.mark.parametrize("window", [0.0, 1.0])
def test_partial_extraction_changes_no_track(film, window):
    """Also where targets are found at the edges of their areas, as they are without a window."""
    engine = narrow_correlation("siammt")
    engine = replace(engine, search=replace(engine.search, window=window))
    for boxes in (APART, APART[:1]):
        ours = follow(engine, film, boxes)[1]
        whole = follow(replace(engine, partial=False), film, boxes)[1]
        assert all(close(a, b, atol=1e-3) for a, b in zip(ours, whole, strict=True))


def test_features_of_a_frame_are_those_of_the_image_about_the_object(film):
    """κ~ is to reconstruct what SiamFC's own crop would have given (SiamMT 3.2).

    Where the crop is not resized and its cells lie on the frame's, it does so exactly.
    """
    engine = narrow_correlation("siammt")
    image, field = film[0].image, engine.network.backbone.field
    left, top = 128 - field.receptive // 2, 88 - field.receptive // 2
    crop = image[top : top + 127, left : left + 127]
    with torch.inference_mode():
        expected = engine.network.features(engine.network.pixels(crop[None]))[0]
    first = np.array([left, top]) + field.receptive // 2 + 0.5
    low = first - field.stride / 2
    areas = np.array([[*low, *(low + 6 * field.stride)]], np.float32)
    found = sampled(engine, film[0], areas, squares(64), 6)[0]
    assert_close(found, expected, atol=1e-4, rtol=1e-4)


def test_exemplar_and_search_area_show_the_object_alike():
    """Fig. 7c: both have the same pixels to a cell, and ζ = 0 leaves no context."""
    network = narrow_correlation("siammt").network
    boxes = squares(33.0, 60.0)
    exemplar, search = network.areas(boxes, 6), network.areas(boxes, 22)
    assert np.allclose(exemplar, boxes)
    assert np.allclose((search[:, 2] - search[:, 0]) / 22, (exemplar[:, 2] - exemplar[:, 0]) / 6)


def test_siammt_w_sees_what_siamfc_saw():
    """Of a 63.5 pixel object's 127 pixels, 6 cells of stride 8; and 22 of 255 (SiamMT 3.1)."""
    boxes = squares(63.5)
    fc, w = narrow_correlation("siamfc").network, narrow_correlation("siammt-w").network
    exemplar = fc.areas(boxes, 127)
    assert np.allclose(exemplar[:, 2] - exemplar[:, 0], 127)
    for cells in (6, 22):
        area = w.areas(boxes, cells)
        assert np.allclose(area[:, 2] - area[:, 0], 8 * cells)


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
    assert zoom(squares(*sides), 56.0, 96.0) == pytest.approx(factor)


def test_a_rescaled_median_target_is_above_32_pixels():
    """SiamMT 4.1: unless it is so small that the frame cannot be enlarged as much."""
    engine = narrow_correlation("siammt")
    for side in np.geomspace(16, 600, 50).tolist():
        factor = zoom(squares(side), engine.smallest, engine.largest)
        assert 32 - 1e-3 <= side * factor <= 96 + 1e-3


def test_a_rescaled_frame_gives_areas_in_its_own_pixels(film):
    """Twice the frame by hand, or by the engine: the same features."""
    engine = narrow_correlation("siammt")
    small, boxes = as_frame(film[0].image), squares(28.0)
    double = cv2.resize(film[0].image, None, fx=2, fy=2, interpolation=cv2.INTER_LINEAR)
    areas = engine.network.areas(boxes, 22)
    ours = sampled(engine, small, areas, boxes, 22)
    by_hand = sampled(engine, double, 2 * areas, squares(64.0), 22)
    assert_close(ours, by_hand, atol=1e-5, rtol=1e-4)


def test_stacked_targets_are_the_same_as_one_after_another(film):
    one, stacked = narrow_correlation("siamfc"), narrow_correlation("siamfc-mi")
    assert (one.batch, stacked.batch) == (1, 16)
    for a, b in zip(follow(one, film)[1], follow(stacked, film)[1], strict=True):
        assert close(a, b, atol=1e-3)


def test_how_many_are_compared_at_once_changes_nothing(film):
    for name in ("siamfc-mi", "siammt"):
        engine = narrow_correlation(name)
        for batch in (1, 3):
            other = follow(replace(engine, batch=batch), film[:4])[1]
            ours = follow(engine, film[:4])[1]
            assert all(close(a, b, atol=1e-3) for a, b in zip(ours, other, strict=True))


@pytest.mark.parametrize("name", FAMILY)
def test_a_target_that_grows_is_given_a_larger_box(name, film):
    engine = trained_engine(name)
    image, box = film[0].image, APART[:1]
    x, y = centres(box)[0]
    targets = engine.enroll(engine.observe(image), box)
    for factor in (1.04, 1.08, 1.12):
        matrix = np.array([[factor, 0, x * (1 - factor)], [0, factor, y * (1 - factor)]])
        grown = cv2.warpAffine(image, matrix, (320, 240), borderMode=cv2.BORDER_REFLECT)
        targets, motion = engine.track(engine.observe(grown), targets)
    assert 1.03 < size(motion.boxes)[0] / size(box)[0] < 1.16
    assert np.abs(centres(motion.boxes) - centres(box)).max() < 5


def test_siamfc_s_weights_serve_three_engines(tmp_path):
    path = tmp_path / "siamfc.safetensors"
    torch.manual_seed(1)
    network = SiamFCNet(CorrelationConfig(channels=NARROW, certainty=(2.0, -1.0)))
    save_weights(path, network, "siamfc", network.config, {})
    for name in ("siamfc", "siamfc-mi", "siammt-w"):
        engine = load_engine(name, weights=str(path), precision="fp32")
        config = engine.network.config
        assert (config.certainty, config.view) == ((2.0, -1.0), PRESETS[name].view)
        kept = engine.network.backbone.layers[0].weight
        assert kept.shape == (16, 3, 11, 11)
    with pytest.raises(InputError, match="holds weights of 'siamfc', but 'siammt' needs its own"):
        load_engine("siammt", weights=str(path))


def test_a_damaged_config_is_named(tmp_path):
    path = tmp_path / "odd.safetensors"
    network = SiamFCNet(CorrelationConfig(channels=NARROW))
    save_weights(path, network, "siamfc", {"chanels": NARROW}, {})
    with pytest.raises(InputError, match=r"odd.safetensors: its config does not fit: .*'channels'"):
        load_engine("siamfc", weights=str(path))


def test_largest_zoom_bounds_the_cost_of_tiny_targets():
    assert zoom(squares(0.5), 56.0, 96.0) == siammt.LARGEST_ZOOM

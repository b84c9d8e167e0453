"""The engines of SiamFC's family: crops, whole-frame features, and properties of all."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from helpers.engine_runs import (
    APART,
    NARROW,
    centres,
    follow,
    is_close,
    narrow_correlation,
    trained_engine,
)
from mvot_plugin.engines import load_engine
from mvot_plugin.errors import InputError
from mvot_plugin.models.siamfc.config import GEOMETRY, PRESETS, CorrelationConfig
from mvot_plugin.models.siamfc.network import SiamFCNet
from mvot_plugin.ops.boxes import size
from mvot_plugin.weights import save_weights

FAMILY = tuple(PRESETS)


def squares(*sides):
    return np.array([[50, 60, 50 + side, 60 + side] for side in sides], np.float32)


@pytest.mark.parametrize("name", FAMILY)
def test_no_new_targets_cost_nothing(name, moving_frames, monkeypatch):
    """Detections that only confirm targets: nothing is enrolled, and no features are computed."""
    engine, images = narrow_correlation(name), []
    targets = engine.enroll(moving_frames[0], APART)
    run = engine.network.run
    monkeypatch.setattr(
        engine.network, "run", lambda _, *arrays: images.extend(arrays[0]) or run(_, *arrays)
    )
    refreshed = engine.refresh(moving_frames[1], targets, APART + 2, np.zeros(4, np.bool_))
    assert np.array_equal(refreshed.boxes, APART + 2)
    assert torch.equal(refreshed.exemplars, targets.exemplars)
    none = engine.enroll(moving_frames[1], APART[:0])
    assert engine.track(moving_frames[1], none)[1].boxes.shape == (0, 4)
    assert none.exemplars.shape[1:] == targets.exemplars.shape[1:]
    assert images == []


def test_exemplar_and_search_area_show_the_object_at_one_scale():
    """Fig. 7c: both have the same pixels to a cell, and ζ = 0 leaves no context."""
    boxes = squares(33.0, 60.0)
    exemplar, search = (PRESETS["siammt"].cell_areas(boxes, cells) for cells in (6, 22))
    assert np.allclose(exemplar, boxes)
    assert np.allclose((search[:, 2] - search[:, 0]) / 22, (exemplar[:, 2] - exemplar[:, 0]) / 6)


def test_siammt_w_has_the_features_of_siamfc():
    """Of a 63.5 pixel object's 127 pixels, 6 cells of stride 8; and 22 of 255 (SiamMT 3.1)."""
    boxes = squares(63.5)
    exemplar = PRESETS["siamfc"].image_areas(boxes, 127)
    assert np.allclose(exemplar[:, 2] - exemplar[:, 0], 127)
    for cells in (6, 22):
        area = PRESETS["siammt-w"].cell_areas(boxes, cells)
        assert np.allclose(area[:, 2] - area[:, 0], 8 * cells)


def test_the_config_knows_the_backbone():
    """It states the backbone's geometry itself, as it imports no torch."""
    field = SiamFCNet(CorrelationConfig(channels=NARROW)).backbone.receptive_field
    assert (field.size, field.stride) == (GEOMETRY.field, GEOMETRY.stride)
    config = CorrelationConfig(exemplar=135, search=263)
    for pixels, cells in ((135, config.exemplar_cells), (263, config.search_cells)):
        assert cells == field.count_cells(pixels)
    assert (config.score_cells, config.window_cells) == (17, 9)


def test_stacked_targets_are_the_same_as_one_after_another(moving_frames):
    one, stacked = narrow_correlation("siamfc"), narrow_correlation("siamfc-mi")
    assert (one.batch, stacked.batch) == (1, 16)
    for a, b in zip(follow(one, moving_frames)[1], follow(stacked, moving_frames)[1], strict=True):
        assert is_close(a, b, atol=1e-3)


def test_how_many_are_compared_at_once_changes_nothing(moving_frames):
    for name in ("siamfc-mi", "siammt"):
        engine = narrow_correlation(name)
        for batch in (1, 3):
            other = follow(replace(engine, batch=batch), moving_frames[:4])[1]
            ours = follow(engine, moving_frames[:4])[1]
            assert all(is_close(a, b, atol=1e-3) for a, b in zip(ours, other, strict=True))


@pytest.mark.parametrize("name", FAMILY)
def test_a_target_that_grows_is_given_a_larger_box(name, moving_frames):
    engine = trained_engine(name)
    image, box = moving_frames[0].image, APART[:1]
    x, y = centres(box)[0]
    targets = engine.enroll(engine.observe(image), box)
    for factor in (1.04, 1.08, 1.12):
        matrix = np.array([[factor, 0, x * (1 - factor)], [0, factor, y * (1 - factor)]])
        grown = cv2.warpAffine(image, matrix, (320, 240), borderMode=cv2.BORDER_REFLECT)
        targets, motion = engine.track(engine.observe(grown), targets)
    assert 1.03 < size(motion.boxes)[0] / size(box)[0] < 1.16
    assert np.abs(centres(motion.boxes) - centres(box)).max() < 5


def test_the_weights_of_siamfc_load_into_three_engines(tmp_path):
    path = tmp_path / "siamfc.safetensors"
    torch.manual_seed(1)
    network = SiamFCNet(CorrelationConfig(channels=NARROW, calibration=(2.0, -1.0)))
    save_weights(path, network, "siamfc", network.config, {})
    for name in ("siamfc", "siamfc-mi", "siammt-w"):
        engine = load_engine(name, weights=str(path), precision="fp32")
        assert engine.calibration == (2.0, -1.0)
        assert engine.network.config.view == PRESETS[name].view
        assert engine.network.config.channels == NARROW
    with pytest.raises(InputError, match="holds weights of 'siamfc', but 'siammt' needs its own"):
        load_engine("siammt", weights=str(path))


def test_the_calibration_of_siamfc_weights_depends_on_the_engine(tmp_path):
    path = tmp_path / "siamfc.safetensors"
    line, framed = (2.0, -1.0), (1.5, -0.5)
    network = SiamFCNet(
        CorrelationConfig(channels=NARROW, calibration=line, frame_calibration=framed)
    )
    save_weights(path, network, "siamfc", network.config, {})
    for name, expected in (("siamfc", line), ("siamfc-mi", line), ("siammt-w", framed)):
        engine = load_engine(name, weights=str(path), precision="fp32")
        assert engine.calibration == expected


def test_a_damaged_config_is_named(tmp_path):
    path = tmp_path / "odd.safetensors"
    network = SiamFCNet(CorrelationConfig(channels=NARROW))
    save_weights(path, network, "siamfc", {"chanels": NARROW}, {})
    with pytest.raises(InputError, match=r"odd.safetensors: its config does not fit: .*'channels'"):
        load_engine("siamfc", weights=str(path))

"""Platt scaling of an engine's scores: fitting, measuring, storing and applying it."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from helpers.engine_runs import APART, follow, narrow_engine
from mvot_benchmarks.vot import VotSequence
from mvot_plugin.engines import Motion
from mvot_plugin.engines.base import Targets
from mvot_plugin.models.siammotion import SiamMotionNet
from mvot_plugin.models.siammotion_config import SiamMotionConfig
from mvot_plugin.types import Frame
from mvot_plugin.weights import read_weights, replace_weights, save_weights
from mvot_training.calibration import fit_logistic, measure_calibration, score_boxes

TINY = SiamMotionConfig(backbone_width=16, width=16)


def test_a_fit_recovers_the_slope_and_offset_of_its_samples():
    rng = np.random.default_rng(0)
    log_odds = rng.uniform(-4, 8, 20_000)
    correct = rng.random(20_000) < 1 / (1 + np.exp(-(0.7 * log_odds - 1.4)))
    assert 0.3 < correct.mean() < 0.8
    slope, offset = fit_logistic(log_odds, correct)
    assert slope == pytest.approx(0.7, abs=0.05)
    balance = np.log(correct.mean() / (1 - correct.mean()))  # both outcomes weigh the same
    assert offset == pytest.approx(-1.4 - balance, abs=0.15)


def test_a_fit_stays_finite_where_nothing_overlaps():
    assert fit_logistic(np.array([1.0, 2.0]), np.array([True, True])) == (1.0, 0.0)
    slope, offset = fit_logistic(np.array([-2.0, 6.0]), np.array([False, True]))
    assert 1 < slope < 10
    assert -2 < -offset / slope < 6  # between them


class ConstantVelocityEngine:
    """Moves every target by 10 pixels a frame; the score is a hundredth of the left edge."""

    def observe(self, frame):
        return frame.index

    def enroll(self, observation, boxes):
        return Targets(boxes=boxes)

    def track(self, observation, targets):
        boxes = targets.boxes + np.float32([10, 0, 10, 0])
        return Targets(boxes=boxes), Motion(boxes=boxes, scores=boxes[:, 0] / 100)


def test_every_tracked_box_is_labelled_correct_or_not():
    ground_truth = np.full((4, 2, 4), np.nan, np.float32)
    ground_truth[:, 0] = [[0, 0, 20, 20], [10, 0, 30, 20], [12, 0, 32, 20], [90, 0, 110, 20]]
    ground_truth[1:3, 1] = [[50, 0, 70, 20], [60, 0, 80, 20]]  # absent on the first and last
    frames = tuple(
        Frame(image=np.zeros((30, 120, 3), np.uint8), index=n, timestamp=0.0) for n in range(4)
    )
    scores, correct = score_boxes(
        ConstantVelocityEngine(), VotSequence(frames=frames, ground_truth=ground_truth)
    )
    assert scores.tolist() == pytest.approx([0.1, 0.2, 0.6, 0.3, 0.7])
    assert correct.tolist() == [True, False, True, False, False]


def test_the_calibration_is_stored_in_a_weights_file(tmp_path):
    path, network = tmp_path / "tiny.safetensors", SiamMotionNet(TINY)
    save_weights(path, network, "siammotion", TINY, {"licence": "none"})
    replace_weights(path, path, {}, {"more": 1}, {"calibration": (0.5, -1.0)})
    config, tensors = read_weights(path, "siammotion")
    assert SiamMotionConfig.from_dict(config) == replace(TINY, calibration=(0.5, -1.0))
    state = network.state_dict()
    assert all(
        torch.equal(tensors[k], state[k].half().float()) for k in state if "tracked" not in k
    )


def test_an_engine_calibrates_its_scores(moving_frames):
    plain, measured = (
        replace(narrow_engine(calibration=line), confidence=0.0)
        for line in ((1.0, 0.0), (0.5, -1.0))
    )
    (_, uncalibrated), (_, calibrated) = (
        follow(engine, moving_frames[:2]) for engine in (plain, measured)
    )
    assert np.array_equal(uncalibrated[0].boxes, calibrated[0].boxes)
    log_odds = np.log(uncalibrated[0].scores / (1 - uncalibrated[0].scores))
    assert np.allclose(calibrated[0].scores, 1 / (1 + np.exp(1.0 - 0.5 * log_odds)), atol=1e-5)


def test_calibration_is_measured_on_uncalibrated_scores(moving_frames):
    engine = narrow_engine(calibration=(0.5, -1.0))
    ground_truth = np.repeat(APART[None], 4, axis=0)
    ground_truth[2:, :2] = np.nan
    sequence = VotSequence(frames=tuple(moving_frames[:4]), ground_truth=ground_truth)
    line = measure_calibration(engine, [sequence])
    assert engine.network.config.calibration == (0.5, -1.0)
    scores, correct = score_boxes(narrow_engine(), sequence)
    assert line == fit_logistic(np.log(scores / (1 - scores.astype(np.float64))), correct)

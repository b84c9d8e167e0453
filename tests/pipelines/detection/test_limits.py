"""Too many detections, targets and lost targets; and detectors that go beyond their part."""

import sys

import numpy as np
import pytest

from helpers.pipelines import blank_frames
from mvot_pipelines.pipeline import MotPipeline, PipelineConfig
from mvot_plugin.errors import InputError, UsageError
from mvot_plugin.types import Detections

GRID = np.array([[x, y, x + 5, y + 5] for y in range(0, 40, 8) for x in range(0, 56, 8)])
SCORES = np.linspace(0.5, 0.9, len(GRID))


def few(most, **settings):
    return PipelineConfig(max_detections=most, **settings)


def test_the_most_confident_detections_of_a_frame_are_tracked_and_the_others_counted():
    tracker = MotPipeline(lambda frame: Detections.of(GRID, SCORES), "hold", 1, config=few(10))
    for frame in blank_frames(3):
        tracks = tracker.step(frame)
    assert tracks.xyxy.tolist() == GRID[-10:].tolist()
    assert tracker.left_out_boxes == 3 * (len(GRID) - 10)


def test_twice_as_many_targets_are_tracked_the_most_confident_of_the_new_ones_first():
    calls = iter(range(0, len(GRID), 4))

    def detect(frame):
        rows = np.arange(4) + next(calls)
        return Detections.of(GRID[rows], SCORES[rows])

    tracker = MotPipeline(detect, "hold", 10, config=few(5))
    for frame in blank_frames(21):
        tracker.step(frame)
    boxes = tracker.tracker.associator.lifecycle.trajectories.boxes
    assert boxes.tolist() == GRID[[*range(8), 10, 11]].tolist()
    assert tracker.left_out_boxes == 2


def test_targets_and_lost_ones_stay_bounded_where_all_is_new_on_every_frame():
    def detect(frame):
        corner = np.random.default_rng(frame.index).random((30, 2)) * 40
        return Detections.of(np.concatenate([corner, corner + 8], axis=1), 0.9)

    tracker = MotPipeline(detect, "kalman", 1, config=few(20), frame_rate=1.0)
    targets, lost = [], []
    for frame in blank_frames(30):
        tracker.step(frame.image)
        targets.append(len(tracker.tracker.associator.lifecycle.trajectories))
        lost.append(len(tracker.tracker.associator.memory.lost))
    assert 20 < max(targets) <= 40
    assert max(lost) == 20


def test_a_detector_that_ends_the_interpreter_has_failed():
    tracker = MotPipeline(lambda frame: sys.exit(0), "hold", 1)
    with pytest.raises(InputError, match=r"failed on frame 0 \(SystemExit: 0\)"):
        tracker.step(next(iter(blank_frames(1))))


def test_a_message_of_a_detector_is_one_short_line():
    class MuteError(Exception):
        def __str__(self):
            raise ValueError

    for error, text in (
        (ValueError("a\nb" * 9999), "ValueError: a ba b"),
        (MuteError(), "Mute"),
    ):

        def detect(frame, error=error):
            raise error

        with pytest.raises(InputError) as caught:
            MotPipeline(detect, "hold", 1).step(next(iter(blank_frames(1))))
        assert text in str(caught.value)
        assert "\n" not in str(caught.value)
        assert len(str(caught.value)) < 400


def test_a_detector_cannot_call_the_pipeline_that_called_it():
    frame = next(iter(blank_frames(1)))
    tracker = MotPipeline(lambda frame: tracker.step(frame), "hold", 1)
    with pytest.raises(InputError, match="was called again before it returned") as caught:
        tracker.step(frame)
    assert isinstance(caught.value.__cause__, UsageError)


def test_a_detector_that_changes_its_frame_changes_that_of_nobody_else():
    def detect(frame):
        object.__setattr__(frame, "timestamp", np.nan)
        return Detections.of(GRID[:1])

    tracker = MotPipeline(detect, "kalman", 1)
    for frame in blank_frames(3):
        tracker.step(frame)
        assert np.isfinite(frame.timestamp)

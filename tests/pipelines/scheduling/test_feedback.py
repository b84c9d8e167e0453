"""Schedulers are told what detector calls have changed, also by late answers."""

import pytest

from helpers.pipelines import BOX, OTHER, blank_frames, failing_detector, track_all
from helpers.pipelines.workers import lagging
from mvot_pipelines.pipeline import MotPipeline, PipelineConfig
from mvot_plugin.types import Detections


class LearningScheduler:
    """Detects on every third frame, and keeps what it is told."""

    def __init__(self):
        self.learned = []

    def due(self, frame, motion):
        return frame.index % 3 == 0

    def learn(self, frame, motion, detections, merge, cost):
        known, found = len(motion.boxes), len(detections)
        self.learned.append((frame.index, known, found, len(merge.enrolled)))
        assert cost.detector > 0
        assert cost.tracking > 0


def detect(frame):
    return Detections.of([BOX, OTHER] if frame.index else [BOX])


@pytest.mark.parametrize("worker", [False, lagging(2)], ids=["in time", "late"])
def test_a_scheduler_learns_from_every_call_on_its_frame(worker):
    scheduler = LearningScheduler()
    track_all(MotPipeline(detect, "hold", scheduler, asynchronous=worker), blank_frames(9))
    assert scheduler.learned == [(0, 0, 1, 1), (3, 1, 2, 1), (6, 2, 2, 0)]


def test_a_call_that_failed_teaches_nothing():
    scheduler, config = LearningScheduler(), PipelineConfig(on_detector_error="coast")
    detector = failing_detector(detect, 3)
    track_all(MotPipeline(detector, "hold", scheduler, config=config), blank_frames(7))
    assert [frame for frame, *_ in scheduler.learned] == [0, 6]

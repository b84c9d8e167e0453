"""The share of the time that the detector may take, and what streams get of it."""

import numpy as np
import pytest

from helpers.pipelines.shared import Clock
from mvot_pipelines.detection.shared import SharedDetector
from mvot_pipelines.detection.shared_worker import SharedWorker
from mvot_pipelines.pipeline import MotPipeline
from mvot_pipelines.scheduling import Adaptive, AdaptiveConfig
from mvot_plugin.timing import StageTimer
from mvot_plugin.types import Detections, Frame

IMAGE = np.zeros((240, 320, 3), np.uint8)
BOX = np.array([20.0, 20.0, 60.0, 100.0])


class CostlyDetector:
    """Takes some seconds of the clock for each call; finds a box that moves."""

    def __init__(self, clock, seconds):
        self.clock, self.seconds, self.calls = clock, seconds, []

    def __call__(self, frame):
        self.clock.now += self.seconds
        self.calls.append((frame.index, self.seconds))
        x = 3 * (frame.index % 60)
        return Detections.of([BOX + [x, 0, x, 0]])


def run_streams(count, share, seconds, frames=1000, rates=None):
    """Calls of each of some streams, whose frames come in turn; the seconds that a video lasts."""
    clock = Clock()
    detector = CostlyDetector(clock, seconds)
    with SharedDetector(detector, clock=clock) as shared:
        shared.streams = count
        pipelines = [
            MotPipeline(
                shared,
                "hold",
                Adaptive(AdaptiveConfig(share=share, interval=0.5)),
                embedder=None,
                asynchronous=lambda stage: SharedWorker(stage, shared, 60.0, waits=True),
                timer=StageTimer(clock),
            )
            for _ in range(count)
        ]
        rates = rates or [25.0] * count
        for index in range(frames):
            for pipeline, rate in zip(pipelines, rates, strict=True):
                pipeline.step(Frame(image=IMAGE, index=index, timestamp=index / rate))
        return [pipeline.detector_calls for pipeline in pipelines], detector


@pytest.mark.parametrize("count", [1, 2, 4])
@pytest.mark.parametrize("seconds", [0.1, 0.3])
def test_the_calls_of_all_streams_together_keep_to_the_share(count, seconds):
    calls, detector = run_streams(count, 0.5, seconds)
    assert sum(calls) == len(detector.calls)
    assert seconds * sum(calls) == pytest.approx(0.5 * 1000 / 25, rel=0.1)


def test_streams_of_which_as_much_happens_get_as_many_calls():
    calls, _ = run_streams(4, 0.5, 0.2)
    assert max(calls) - min(calls) <= 1


def test_a_stream_that_shares_learns_how_many_there_are_and_one_that_is_alone_does_not():
    costs = []

    class Learner(Adaptive):
        def learn(self, frame, motion, detections, merge, cost):
            costs.append(cost.streams)
            super().learn(frame, motion, detections, merge, cost)

    clock = Clock()
    with SharedDetector(CostlyDetector(clock, 0.1), clock=clock) as shared:
        for streams in (3, 1, 0):
            shared.streams = streams
            pipeline = MotPipeline(
                shared,
                "hold",
                Learner(),
                asynchronous=lambda stage: SharedWorker(stage, shared, 60.0, waits=True),
            )
            pipeline.step(Frame(image=IMAGE, index=0, timestamp=0.0))
    MotPipeline(CostlyDetector(clock, 0.1), "hold", Learner()).step(IMAGE)
    assert costs == [3, 1, 1, 1]

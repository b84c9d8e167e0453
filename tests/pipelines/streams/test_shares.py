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

IMAGE = np.zeros((60, 80, 3), np.uint8)
FRAMES = 200
BOX = np.array([10.0, 10.0, 40.0, 50.0])


class CostlyDetector:
    """Takes some seconds of the clock for each call; finds a box that moves."""

    def __init__(self, clock, seconds):
        self.clock, self.seconds, self.calls = clock, seconds, []

    def __call__(self, frame):
        self.clock.now += self.seconds
        self.calls.append((frame.index, self.seconds))
        x = 2 * (frame.index % 15)
        return Detections.of([BOX + np.array([x, 0, x, 0])])


def run_streams(count, share, seconds):
    """The calls of each of some streams, whose frames come in turn; and the detector."""
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
        for index in range(FRAMES):
            for pipeline in pipelines:
                pipeline.step(Frame(image=IMAGE, index=index, timestamp=index / 25))
        return [pipeline.detector_calls for pipeline in pipelines], detector


@pytest.mark.parametrize(("count", "seconds"), [(2, 0.2), (4, 0.1)])
def test_the_calls_of_all_streams_together_keep_to_the_share(count, seconds):
    calls, detector = run_streams(count, 0.5, seconds)
    assert sum(calls) == len(detector.calls)
    assert max(calls) - min(calls) <= 1  # as much happens in each
    ahead = 2 * count  # calls that the streams make before they are to be had
    assert sum(calls) == pytest.approx(0.5 * FRAMES / 25 / seconds, abs=ahead)


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

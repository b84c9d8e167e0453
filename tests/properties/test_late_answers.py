"""However late each answer comes, what comes out in the end is what answers in time give."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.pipelines.workers import LaggingWorker
from helpers.properties import assert_same, scaled
from helpers.synthetic import render
from mvot_pipelines.pipeline import MotPipeline
from mvot_synthetic import NoisyDetector, street

EVERY, FRAMES = 6, 42


class UnevenWorker(LaggingWorker):
    """Each answer is as late as the next of some lags says."""

    def __init__(self, stage, lags):
        super().__init__(stage, 0)
        self.lags = iter(lags)

    def submit(self, frame):
        self.lag = next(self.lags)
        super().submit(frame)


@pytest.fixture(scope="module")
def scene():
    return street(7, size=(160, 120), frames=FRAMES, walkers=5, vehicles=1, cyclists=1, pan=0.5)


@pytest.fixture(scope="module")
def frames(scene):
    return render(scene)


@pytest.mark.parametrize("engine", ["hold", "kalman", "lk-flow"])
@given(lags=st.lists(st.integers(0, EVERY - 1), min_size=7, max_size=7), seed=st.integers(0, 9))
@scaled(4)
def test_once_an_answer_is_merged_the_tracks_are_as_in_time(scene, frames, engine, lags, seed):
    detector = NoisyDetector(scene, seed=seed)
    in_time = MotPipeline(detector, engine, EVERY)
    late = MotPipeline(
        detector, engine, EVERY, asynchronous=lambda stage: UnevenWorker(stage, lags)
    )
    for frame in frames:
        expected, found = in_time.step(frame), late.step(frame)
        if frame.index % EVERY >= lags[frame.index // EVERY]:
            assert_same(expected, found)

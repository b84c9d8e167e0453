"""A detector that runs ahead of the tracker in a recording."""

import threading
from contextlib import closing

import numpy as np
import pytest

from helpers.pipelines import (
    BOX,
    blank_frames,
    constant_detector,
    failing_detector,
    recording_detector,
    track_all,
)
from helpers.synthetic import render
from mvot_pipelines.detection.ahead import DetectAhead
from mvot_pipelines.pipeline import MotPipeline, PipelineConfig
from mvot_pipelines.sources.reading import read_ahead
from mvot_plugin.errors import InputError
from mvot_plugin.timing import StageTimer
from mvot_synthetic import NoisyDetector, street


def test_it_is_called_in_order_in_one_thread_on_the_frames_that_are_due():
    threads = set()

    def detect(frame):
        threads.add(threading.current_thread())
        return constant_detector(BOX)(frame)

    detector, calls = recording_detector(detect)
    with DetectAhead(detector, 4) as ahead:
        track_all(MotPipeline(ahead, "hold", 4), read_ahead(ahead.watch(blank_frames(20))))
    assert calls == [0, 4, 8, 12, 16]
    assert len(threads) == 1
    assert threading.main_thread() not in threads


def test_it_begins_before_it_is_asked():
    begun = threading.Event()

    def detect(frame):
        begun.set()
        return constant_detector(BOX)(frame)

    with (
        DetectAhead(detect, 5) as ahead,
        closing(read_ahead(ahead.watch(blank_frames(6)))) as frames,
    ):
        next(frames)
        assert begun.wait(30)


def test_a_frame_that_was_not_announced_is_detected_when_asked():
    detector, calls = recording_detector(constant_detector(BOX))
    with DetectAhead(detector, 5) as ahead:
        assert len(ahead(blank_frames(3)[2])) == 1
    assert calls == [2]


@pytest.mark.parametrize("policy", ["fail", "coast"])
def test_an_error_comes_on_its_frame(policy):
    config = PipelineConfig(on_detector_error=policy)
    outcomes = []
    for runs_ahead in (False, True):
        detector = failing_detector(constant_detector(BOX), 6)
        ahead = DetectAhead(detector, 3)
        pipeline = MotPipeline(ahead if runs_ahead else detector, "hold", 3, config=config)
        frames = read_ahead(ahead.watch(blank_frames(12))) if runs_ahead else blank_frames(12)
        ended = None
        try:
            track_all(pipeline, frames)
        except InputError as error:
            ended = str(error)
        ahead.close()
        outcomes.append((pipeline.steps, ended, pipeline.detector_errors))
    assert outcomes[0] == outcomes[1]
    assert outcomes[0][0] == (7 if policy == "fail" else 12)


def test_closing_in_the_middle_leaves_no_thread():
    before = threading.active_count()
    ahead = DetectAhead(constant_detector(BOX), 2)
    frames = read_ahead(ahead.watch(blank_frames(30)))
    for _ in range(3):
        next(frames)
    frames.close()
    ahead.close()
    ahead.close()
    assert threading.active_count() == before


def test_the_detector_is_timed_in_its_thread():
    timer = StageTimer()
    with DetectAhead(constant_detector(BOX), 2, timer) as ahead:
        track_all(MotPipeline(ahead, "hold", 2), read_ahead(ahead.watch(blank_frames(5))))
    assert timer.calls == {"detect": 3}


def test_tracks_are_the_same_to_the_last_bit():
    scene = street(3, size=(320, 240), frames=30, walkers=4, vehicles=1, cyclists=0)
    frames = render(scene)
    plain = track_all(MotPipeline(NoisyDetector(scene), "lk-flow", 5), frames)
    with DetectAhead(NoisyDetector(scene), 5) as ahead:
        beside = track_all(MotPipeline(ahead, "lk-flow", 5), read_ahead(ahead.watch(frames)))
    assert len(plain) == len(beside) == 30
    for one, other in zip(plain, beside, strict=True):
        np.testing.assert_array_equal(one.id, other.id)
        np.testing.assert_array_equal(one.xyxy, other.xyxy)

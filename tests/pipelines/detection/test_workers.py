"""Workers: a detector in a thread or a process, one that hangs, dies or cannot be sent."""

import gc
import multiprocessing
import os
import time
import weakref

import pytest

from helpers.pipelines import BOX, blank_frames, constant_detector, failing_detector
from helpers.pipelines.workers import (
    GatedDetector,
    detect_box,
    die_on_odd_frames,
    hang,
    raise_unpicklable,
)
from mvot_pipelines.detection import DetectionStage, open_worker
from mvot_pipelines.detection.process import ProcessStage
from mvot_pipelines.detection.worker import ThreadWorker
from mvot_pipelines.pipeline import MotPipeline, PipelineConfig
from mvot_plugin.errors import InputError, UsageError

COAST = PipelineConfig(on_detector_error="coast")


def wait_for(found):
    """What ``found()`` returns as soon as it is true."""
    for _ in range(3000):
        if result := found():
            return result
        time.sleep(0.01)
    raise AssertionError("nothing came in half a minute")


def step_until(tracker, frames, found):
    """Step through the frames slowly, until ``found(tracks)``; the number of steps."""
    for count, frame in enumerate(frames, 1):
        if found(tracker.step(frame)):
            return count
        time.sleep(0.01)
    raise AssertionError("it did not come")


def test_the_tracker_does_not_wait_for_a_detector_in_a_thread():
    detector = GatedDetector()
    frames = blank_frames(3000)
    with MotPipeline(detector, "hold", 5, asynchronous=True) as tracker:
        assert [len(tracker.step(frame)) for frame in frames[:20]] == [0] * 20
        assert detector.entered.wait(30)
        detector.gate.set()
        step_until(tracker, frames[20:], lambda tracks: tracks.id.tolist() == [1])
    assert detector.threads == {"detector"}
    assert detector.frames[0] == 0


def test_a_call_that_takes_too_long_is_given_up_and_the_next_one_waits_for_its_end():
    detector, now = GatedDetector(), [0.0]
    worker = ThreadWorker(DetectionStage(detector, None), timeout=5.0, clock=lambda: now[0])
    first, second = blank_frames(2)
    worker.submit(first)
    assert detector.entered.wait(30)
    now[0] = 5.0
    assert worker.collect() is None
    now[0] = 5.1
    answer = worker.collect()
    assert str(answer.error) == "it has not answered for 5 s"
    assert answer.detections is None
    assert not worker.is_free  # the same detector must not be called twice at a time
    detector.gate.set()
    assert wait_for(lambda: worker.is_free)
    worker.submit(second)
    assert wait_for(worker.collect).detections.xyxy.tolist() == [BOX]
    assert worker.collect() is None
    assert detector.frames == [0, 1]
    worker.close()


def test_an_error_in_the_thread_is_raised_by_the_tracker():
    detector = failing_detector(constant_detector(BOX), 0)
    with (
        MotPipeline(detector, "hold", 5, asynchronous="thread") as tracker,
        pytest.raises(InputError, match="failed on frame 0") as caught,
    ):
        step_until(tracker, blank_frames(3000), lambda tracks: False)
    assert isinstance(caught.value.__cause__, ConnectionError)


def test_an_embedder_in_the_thread_that_fails_ends_the_run():
    def embed(frame, boxes):
        raise OSError("no such device")

    with (
        MotPipeline(constant_detector(BOX), "hold", embedder=embed, asynchronous=True) as tracker,
        pytest.raises(InputError, match=r"the embedder failed on frame 0 \(OSError: no such dev"),
    ):
        step_until(tracker, blank_frames(3000), lambda tracks: False)


def test_a_detector_in_a_process_is_another_process_and_keeps_its_colours():
    with MotPipeline(detect_box, "hold", 1, asynchronous="process") as tracker:
        step_until(tracker, blank_frames(3000), lambda tracks: len(tracks) == 1)
        classes = tracker.tracker.tracks().class_id.tolist()
        assert tracker.timer.calls["embed"] >= 1
    assert classes != [os.getpid()]


def test_a_process_that_dies_is_said_and_started_again():
    config, frames = COAST, blank_frames(3000)
    with MotPipeline(
        die_on_odd_frames, "hold", 3, config=config, asynchronous="process"
    ) as tracker:
        step_until(tracker, frames[:1500], lambda tracks: tracker.detector_failures)
        before = tracker.timer.calls.get("detect", 0)
        step_until(tracker, frames[1500:], lambda _: tracker.timer.calls.get("detect", 0) > before)
    assert "RuntimeError: its process has ended (exit code 3)" in tracker.detector_errors[0]


def test_a_process_that_hangs_is_ended():
    stage = ProcessStage(HangingStage)
    worker = ThreadWorker(stage, timeout=0.5)
    worker.submit(blank_frames(1)[0])
    process = wait_for(lambda: stage._process)
    assert str(wait_for(worker.collect).error) == "it has not answered for 0.5 s"
    assert process.exitcode is not None
    worker.close()


class HangingStage:
    def __call__(self, frame):
        hang(frame)


def test_what_cannot_be_pickled_comes_back_as_text():
    with (
        MotPipeline(raise_unpicklable, "hold", asynchronous="process") as tracker,
        pytest.raises(InputError, match=r"LocalError: out of luck"),
    ):
        step_until(tracker, blank_frames(3000), lambda tracks: False)


def test_a_detector_that_cannot_be_sent_to_a_process_is_refused():
    with pytest.raises(UsageError, match=r"cannot be sent to a process of its own .*; give a name"):
        MotPipeline(lambda frame: None, "hold", asynchronous="process")


def test_a_detector_that_a_process_cannot_load_has_failed():
    detector, frames = "no-such.onnx", blank_frames(3000)
    tracker = MotPipeline(detector, "hold", config=COAST, asynchronous="process")
    with tracker:
        step_until(tracker, frames, lambda tracks: tracker.detector_failures)
    assert "no-such.onnx" in tracker.detector_errors[0]


def test_a_process_that_is_stopped_while_it_starts_is_not_left_behind():
    stage = ProcessStage(HangingStage)
    worker = ThreadWorker(stage, timeout=60.0)
    worker.submit(blank_frames(1)[0])
    worker.close()
    children = multiprocessing.active_children()
    assert not [child for child in children if child.name == "detector" and child.is_alive()]
    assert stage._process is None


def test_an_unknown_worker_is_refused():
    with pytest.raises(UsageError, match="unknown worker 'tread': did you mean 'thread'"):
        open_worker("tread", detect_box, None, timeout=1.0, clock=time.perf_counter)


def test_closing_twice_is_nothing_and_ends_the_thread():
    tracker = MotPipeline(constant_detector(BOX), "hold", asynchronous=True)
    tracker.step(blank_frames(1)[0])
    thread = tracker.calls.worker._thread._thread
    tracker.close()
    tracker.close()
    assert not thread.is_alive()


def test_a_failure_keeps_no_image_from_being_freed():
    def fail(frame):
        try:
            raise KeyError("inner")
        except KeyError as error:
            raise RuntimeError("no answer") from error

    pipeline = MotPipeline(fail, "hold", 2, config=COAST)
    gc.disable()
    try:
        images = []
        for frame in blank_frames(4):
            image = frame.image.copy()
            images.append(weakref.ref(image))
            pipeline.step(image)
        del image
        assert pipeline.detector_failures == 2
        assert [image() is None for image in images[:2]] == [True, True]
    finally:
        gc.enable()

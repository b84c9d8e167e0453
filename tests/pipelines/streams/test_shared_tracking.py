"""A tracker that shares its detector with others, and does not wait for it."""

import pytest

from helpers.pipelines import BOX, OTHER
from helpers.pipelines.shared import Clock, HangingDetector, frame_of, occupy, wait_for
from mvot_pipelines.detection.shared import SharedDetector
from mvot_pipelines.detection.shared_worker import SharedWorker
from mvot_pipelines.detection.stage import Answer
from mvot_pipelines.pipeline import MotPipeline, PipelineConfig
from mvot_plugin.errors import InputError
from mvot_plugin.types import Detections

COAST = PipelineConfig(on_detector_error="coast", detector_timeout=5.0)


def join(shared, *, waits=False):
    """What makes a stream's worker of its stage, for ``MotPipeline(asynchronous=...)``."""
    return lambda stage: SharedWorker(stage, shared, 5.0, waits=waits)


class ScriptedWorker:
    """Says that its frame waits; that turn begins, and is answered, as a newer one is to come."""

    streams = 1

    def __init__(self, stage):
        self.is_free, self.is_waiting, self._answers = True, False, []

    def submit(self, frame):
        self.is_free, self.is_waiting = False, True

    def replace(self, frame):
        self.is_waiting = False
        self._answers = [Answer(detections=Detections.of([BOX]))]
        return False

    def collect(self):
        return self._answers.pop(0) if self._answers else None

    def close(self):
        pass


def test_an_answer_that_comes_as_its_frame_is_to_be_replaced_is_late():
    pipeline = MotPipeline(lambda frame: None, "hold", 1, asynchronous=ScriptedWorker)
    assert len(pipeline.step(frame_of(0))) == 0
    assert len(pipeline.step(frame_of(1))) == 0  # the answer is on frame 0, and not on this one
    tracks = pipeline.step(frame_of(2))
    assert (tracks.id.tolist(), tracks.detected.tolist()) == ([1], [False])


def test_a_late_answer_is_merged_on_the_frame_that_was_the_newest_when_its_turn_began():
    moving = {index: [BOX[0] + index, BOX[1], BOX[2] + index, BOX[3]] for index in range(100)}
    detector = HangingDetector(1000, 3)

    def detect(frame):
        detector(frame)
        return Detections.of([moving.get(frame.index, OTHER)])

    detect.at_work = detector.at_work
    detect.go_on = detector.go_on
    with occupy(detect, 1000) as shared:
        pipeline = MotPipeline(shared, "kalman", 5, asynchronous=join(shared))
        for index in range(4):
            assert len(pipeline.step(frame_of(index))) == 0
        assert pipeline.detector_calls == 1
        detector.at_work.clear()
        detector.on = (3,)
        detector.go_on.set()
        wait_for(lambda: detector.frames == [1000, 3])
        wait_for(pipeline.calls.worker._turn.answer.done)
        tracks = pipeline.step(frame_of(4))
        assert tracks.xyxy.tolist() == [moving[3]]
        assert not tracks.detected.any()
        assert pipeline.detector_calls == 1
        assert pipeline.timer.calls["detect"] == 1
        pipeline.step(frame_of(5))
        assert pipeline.detector_calls == 2


def test_after_a_reset_the_answer_on_the_old_video_is_not_used():
    detector = HangingDetector(0)
    with SharedDetector(detector) as shared:
        pipeline = MotPipeline(shared, "hold", 5, asynchronous=join(shared))
        pipeline.step(frame_of(0))
        assert detector.at_work.wait(30)
        pipeline.reset()
        assert pipeline.detector_calls == 0
        assert len(pipeline.step(frame_of(0))) == 0
        detector.go_on.set()
        wait_for(lambda: pipeline.calls.worker._turn.answer.done())
        assert len(pipeline.step(frame_of(1))) == 0
        wait_for(lambda: pipeline.calls.worker._turn.answer.done())
        assert pipeline.step(frame_of(2)).id.tolist() == [1]
        assert pipeline.detector_calls == 1
    assert detector.frames == [0, 1]


def test_a_detector_that_hangs_is_coasted_over_and_comes_back():
    detector, clock = HangingDetector(5), Clock()
    with SharedDetector(detector, clock=clock) as shared:
        pipeline = MotPipeline(shared, "hold", 5, config=COAST, asynchronous=join(shared))
        pipeline.step(frame_of(0))
        wait_for(lambda: pipeline.calls.worker._turn is None or has_answer(pipeline))
        for index in range(1, 6):
            assert pipeline.step(frame_of(index)).id.tolist() == [1]
        assert detector.at_work.wait(30)
        clock.now = 6.0
        for index in range(6, 12):
            assert pipeline.step(frame_of(index)).id.tolist() == [1]
        assert pipeline.detector_errors == ["frame 5: TimeoutError: it has not answered for 5 s"]
        assert pipeline.detector_calls == 2
        detector.go_on.set()
        wait_for(lambda: shared.seconds_stuck() == 0.0)
        pipeline.step(frame_of(12))
        assert pipeline.detector_calls == 3


def has_answer(pipeline):
    return pipeline.calls.worker._turn.answer.done()


def test_without_coasting_a_detector_that_hangs_ends_the_run():
    detector, clock = HangingDetector(0), Clock()
    with SharedDetector(detector, clock=clock) as shared:
        pipeline = MotPipeline(shared, "hold", 5, asynchronous=join(shared))
        pipeline.step(frame_of(0))
        assert detector.at_work.wait(30)
        clock.now = 6.0
        with pytest.raises(InputError, match=r"failed on frame 0 \(TimeoutError: it has not"):
            pipeline.step(frame_of(1))
        detector.go_on.set()

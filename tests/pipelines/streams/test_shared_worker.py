"""A stream's turns of a detector that it shares: late answers, timeouts, and a tracker on it."""

import copy

import pytest

from helpers.pipelines import BOX, OTHER
from helpers.pipelines.shared import Clock, HangingDetector, frame_of, occupy, wait_for
from mvot_pipelines.detection import DetectionStage
from mvot_pipelines.detection.shared import SharedDetector
from mvot_pipelines.detection.shared_worker import SharedWorker
from mvot_pipelines.detection.stage import Answer
from mvot_pipelines.pipeline import MotPipeline, PipelineConfig
from mvot_plugin.errors import InputError, UsageError
from mvot_plugin.types import Detections

COAST = PipelineConfig(on_detector_error="coast", detector_timeout=5.0)


def join(shared, *, timeout=5.0, waits=False):
    """What makes a stream's worker of its stage, for ``MotPipeline(asynchronous=...)``."""
    return lambda stage: SharedWorker(stage, shared, timeout, waits=waits)


def build_worker(shared, **options):
    return join(shared, **options)(DetectionStage(shared, None))


def test_the_newest_frame_takes_the_place_of_the_one_that_waits():
    detector = HangingDetector(0)
    with occupy(detector) as shared:
        worker = build_worker(shared)
        assert worker.is_free
        worker.submit(frame_of(1))
        assert worker.is_waiting
        assert not worker.is_free
        assert worker.replace(frame_of(2))
        assert worker.collect() is None
        detector.go_on.set()
        answer = wait_for(worker.collect)
        assert answer.detections.class_id.tolist() == [2]
        assert not worker.replace(frame_of(3))
        assert worker.collect() is None
        assert worker.is_free
    assert detector.frames == [0, 2]


def test_a_call_that_hangs_is_given_up_and_none_begins_until_it_has_returned():
    detector, clock = HangingDetector(1), Clock()
    with SharedDetector(detector, clock=clock) as shared:
        worker = build_worker(shared)
        worker.submit(frame_of(1))
        assert detector.at_work.wait(30)
        clock.now = 5.0
        assert worker.collect() is None
        clock.now = 5.1
        answer = worker.collect()
        assert str(answer.error) == "it has not answered for 5 s"
        assert worker.collect() is None
        assert not worker.is_free
        detector.go_on.set()
        assert wait_for(lambda: worker.is_free)
        worker.submit(frame_of(2))
        assert wait_for(worker.collect).detections.class_id.tolist() == [2]
    assert detector.frames == [1, 2]


def test_a_frame_that_waits_for_a_call_of_another_stream_that_hangs_is_given_up_as_well():
    detector, clock = HangingDetector(0), Clock()
    with occupy(detector, clock=clock) as shared:
        worker = build_worker(shared)
        clock.now = 4.0
        worker.submit(frame_of(1))
        assert worker.collect() is None
        clock.now = 5.1
        assert isinstance(worker.collect().error, TimeoutError)
        detector.go_on.set()
        assert wait_for(lambda: worker.is_free)
    assert detector.frames == [0]


def test_a_worker_that_waits_gives_up_as_well():
    detector = HangingDetector(1)
    with SharedDetector(detector) as shared:
        worker = build_worker(shared, timeout=0.2, waits=True)
        worker.submit(frame_of(1))
        assert isinstance(worker.collect().error, TimeoutError)
        detector.go_on.set()


def test_a_call_that_can_be_broken_off_is():
    class Detector(HangingDetector):
        def stop(self):
            self.go_on.set()

    detector, clock = Detector(1), Clock()
    with SharedDetector(detector, clock=clock) as shared:
        worker = build_worker(shared)
        worker.submit(frame_of(1))
        assert detector.at_work.wait(30)
        clock.now = 6.0
        assert isinstance(worker.collect().error, TimeoutError)
        assert detector.go_on.is_set()
        assert wait_for(lambda: worker.is_free)


def test_closing_a_worker_takes_its_frame_back():
    detector = HangingDetector(0)
    with occupy(detector) as shared:
        worker = build_worker(shared)
        worker.submit(frame_of(1))
        worker.close()
        worker.close()
        detector.go_on.set()
        shared(frame_of(2))
    assert detector.frames == [0, 2]


def test_a_pipeline_that_shares_its_detector_is_not_copied():
    with SharedDetector(HangingDetector()) as shared:
        pipeline = MotPipeline(shared, "hold", asynchronous=join(shared))
        with pytest.raises(UsageError, match="shares its detector cannot be pickled or copied"):
            copy.deepcopy(pipeline)


class ScriptedWorker:
    """Does what the test says."""

    streams = 1

    def __init__(self, stage):
        self.is_free, self.is_waiting = True, False
        self.replaced, self.answers = True, []

    def submit(self, frame):
        self.is_free, self.is_waiting = False, True

    def replace(self, frame):
        return self.replaced

    def collect(self):
        return self.answers.pop(0) if self.answers else None

    def close(self):
        pass


def test_an_answer_that_comes_as_its_frame_is_to_be_replaced_is_merged_on_its_own_frame():
    pipeline = MotPipeline(lambda frame: None, "hold", 1, asynchronous=ScriptedWorker)
    worker = pipeline.calls.worker
    pipeline.step(frame_of(0))
    worker.replaced = False  # its turn began between the two questions
    merged = []
    pipeline._merge = lambda tracker, found: merged.append((tracker.frame.index, len(found)))
    pipeline.calls.collect, collect = lambda: (False, None), pipeline.calls.collect
    worker.answers = [Answer(detections=Detections.of([BOX]))]

    def submit(frame):
        pipeline.calls.collect = collect
        return worker.replaced

    pipeline.calls.submit = submit
    pipeline.step(frame_of(1))
    assert merged == []
    worker.is_waiting = False
    pipeline.step(frame_of(2))
    assert merged == [(0, 1)]


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


def test_a_frame_of_the_old_video_that_waits_is_not_replaced_by_one_of_the_new():
    detector = HangingDetector(1000)
    with occupy(detector, 1000) as shared:
        pipeline = MotPipeline(shared, "hold", 5, asynchronous=join(shared))
        pipeline.step(frame_of(50))
        pipeline.reset()
        pipeline.step(frame_of(0))
        detector.go_on.set()
        wait_for(lambda: detector.frames[1:])
        for index in range(1, 500):
            if len(pipeline.step(frame_of(index))):
                break
            wait_for(lambda: pipeline.calls.worker._turn is None or shared.seconds_stuck() == 0)
        assert pipeline.detector_failures == 0


@pytest.mark.parametrize("waits", [False, True])
def test_a_detector_that_hangs_is_coasted_over_and_comes_back(waits):
    detector, clock = HangingDetector(5), Clock()
    clock_step = 6.0 if waits else 0.0
    with SharedDetector(detector, clock=clock) as shared:
        worker = join(shared, waits=waits)
        pipeline = MotPipeline(shared, "hold", 5, config=COAST, asynchronous=worker)
        pipeline.step(frame_of(0))
        wait_for(lambda: pipeline.calls.worker._turn is None or collect_done(pipeline))
        if waits:
            detector.at_work.clear()
        for index in range(1, 5):
            assert pipeline.step(frame_of(index)).id.tolist() == [1]
        if waits:
            shared.seconds_stuck = stuck_after(detector, shared.seconds_stuck, clock, clock_step)
        pipeline.step(frame_of(5))
        if not waits:
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


def collect_done(pipeline):
    return pipeline.calls.worker._turn.answer.done()


def stuck_after(detector, seconds_stuck, clock, step):
    """``seconds_stuck``, but the clock goes on once the detector hangs."""

    def ask(*turn):
        if detector.at_work.is_set():
            clock.now = step
        return seconds_stuck(*turn)

    return ask


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

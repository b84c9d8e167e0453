"""A stream's turns of a detector that it shares: newer frames, and calls that hang."""

import copy

import pytest

from helpers.pipelines.shared import Clock, HangingDetector, frame_of, occupy, wait_for
from mvot_pipelines.detection import DetectionStage
from mvot_pipelines.detection.shared import SharedDetector
from mvot_pipelines.detection.shared_worker import SharedWorker
from mvot_pipelines.pipeline import MotPipeline
from mvot_plugin.errors import UsageError


def build_worker(shared, timeout=5.0, *, waits=False):
    return SharedWorker(DetectionStage(shared, None), shared, timeout, waits=waits)


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
        pipeline = MotPipeline(
            shared, "hold", asynchronous=lambda stage: SharedWorker(stage, shared, 5.0, waits=False)
        )
        with pytest.raises(UsageError, match="shares its detector cannot be pickled or copied"):
            copy.deepcopy(pipeline)

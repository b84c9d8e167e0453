"""Batches of a detector that streams share."""

import threading

import pytest

from helpers.pipelines import BOX
from helpers.pipelines.shared import BatchDetector, Clock, HangingDetector, frame_of, occupy
from mvot_pipelines.detection.shared import SharedDetector
from mvot_plugin.types import Detections


def keep(frame, found, seconds):
    return frame.index, found, seconds


def answer_all(detector, frames, **options):
    """The answers on frames that all wait when the detector becomes free."""
    with occupy(detector, **options) as shared:
        turns = [shared.submit(frame, keep) for frame in frames]
        detector.go_on.set()
        return [turn.answer.result(30) for turn in turns]


def class_of(answer):
    return answer[1].class_id.tolist()


def test_frames_that_wait_are_detected_together_as_many_as_a_batch_takes():
    detector = BatchDetector(0)
    answers = answer_all(detector, [frame_of(index) for index in range(1, 8)], batch=3)
    assert detector.batches == [[1, 2, 3], [4, 5, 6]]
    assert detector.frames == [0, *range(1, 8)]
    assert [class_of(answer) for answer in answers] == [[index] for index in range(1, 8)]


def test_a_batch_has_frames_of_one_size_and_the_longest_due_one_chooses_it():
    detector, small, large = BatchDetector(0), (64, 48), (160, 120)
    sizes = {1: small, 2: large, 3: small, 4: large, 5: small}
    answers = answer_all(
        detector, [frame_of(index, size) for index, size in sizes.items()], batch=8
    )
    assert detector.batches == [[1, 3, 5], [2, 4]]
    assert [class_of(answer) for answer in answers] == [[index] for index in sizes]


def test_the_time_of_a_batch_is_shared_out_among_its_frames():
    clock = Clock()

    class Detector(BatchDetector):
        def detect_batch(self, frames):
            clock.now += 1.0
            return super().detect_batch(frames)

    answers = answer_all(
        Detector(0), [frame_of(index) for index in range(1, 5)], batch=4, clock=clock
    )
    assert [seconds for *_, seconds in answers] == [0.25] * 4


@pytest.mark.parametrize("error", [ValueError, SystemExit])
def test_a_bad_frame_of_a_batch_fails_alone(error):
    detector = BatchDetector(0, bad=[2], error=error)
    answers = answer_all(detector, [frame_of(index) for index in (1, 2, 3)], batch=8)
    assert isinstance(answers[1][1], error)
    assert [class_of(answers[0]), class_of(answers[2])] == [[1], [3]]


@pytest.mark.parametrize("batch", [[], [[BOX]], "nonsense", None, [[BOX]] * 4])
def test_a_batch_with_too_few_answers_or_none_is_detected_frame_by_frame(batch):
    class Detector(BatchDetector):
        def detect_batch(self, frames):
            return batch

    answers = answer_all(Detector(0), [frame_of(index) for index in (1, 2, 3)], batch=8)
    assert [class_of(answer) for answer in answers] == [[1], [2], [3]]


def test_a_detector_without_batches_gets_frames_one_by_one():
    detector = HangingDetector(0)
    answers = answer_all(detector, [frame_of(index) for index in (1, 2)], batch=8)
    assert [class_of(answer) for answer in answers] == [[1], [2]]


def test_a_call_waits_with_patience_until_each_stream_has_asked():
    detector = BatchDetector()
    with SharedDetector(detector, batch=8, patience=30.0) as shared:
        with shared.join(), shared.join(), shared.join():
            turns = [shared.submit(frame_of(index), keep) for index in range(3)]
            for turn in turns:
                turn.answer.result(20)
        assert sorted(map(sorted, detector.batches)) == [[0, 1, 2]]
        with shared.join():
            shared(frame_of(3))  # the only stream: there is nobody to wait for
    assert detector.frames == [0, 1, 2, 3]


def test_patience_ends_where_the_others_do_not_ask():
    detector = BatchDetector()
    with SharedDetector(detector, batch=8, patience=0.05) as shared, shared.join(), shared.join():
        assert class_of((0, shared(frame_of(1)))) == [1]


def test_patience_does_not_hold_up_the_end():
    with SharedDetector(BatchDetector(), batch=8, patience=30.0) as shared:
        with shared.join(), shared.join():
            turn = shared.submit(frame_of(1), keep)
            shared.close()
        with pytest.raises(RuntimeError, match="the detector is closed"):
            turn.answer.result(30)


def test_threads_that_detect_at_once_are_answered_in_batches():
    detector, count = BatchDetector(), 4
    barrier = threading.Barrier(count)
    answers = [[] for _ in range(count)]

    def ask(number):
        for index in range(number, 40, count):
            barrier.wait(30)
            answers[number].append(shared(frame_of(index)).class_id.tolist())

    with SharedDetector(detector, batch=count, patience=10.0) as shared:
        shared.expect(count)
        threads = [threading.Thread(target=ask, args=(number,)) for number in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
    assert answers == [[[index] for index in range(n, 40, count)] for n in range(count)]
    assert [len(batch) for batch in detector.batches] == [count] * 10


def test_images_that_the_detector_draws_into_are_those_of_the_caller():
    """As without sharing: a detector gets the frame itself, in a ``Frame`` of its own."""
    seen = []

    def detect(frame):
        seen.append(frame)
        return Detections.of([BOX])

    frame = frame_of(1)
    with SharedDetector(detect) as shared:
        shared(frame)
    assert seen[0] is not frame
    assert seen[0].image is frame.image

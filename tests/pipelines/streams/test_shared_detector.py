"""A detector that streams share: whose turn it is, and what becomes of turns."""

import sys
import threading

import pytest

from helpers.pipelines import BOX
from helpers.pipelines.shared import Clock, HangingDetector, frame_of, occupy, wait_for
from helpers.threads import find_threads
from mvot_pipelines.detection.shared import SharedDetector
from mvot_plugin.types import Detections


def keep(frame, found, seconds):
    """What a turn answers: the index of its frame, what was found, and the time."""
    return frame.index, found, seconds


def test_the_frame_that_has_been_due_for_longest_comes_first():
    detector, clock = HangingDetector(0), Clock()
    with occupy(detector, clock=clock) as shared:
        turns = []
        for due, index in ((5.0, 1), (3.0, 2), (4.0, 3), (3.0, 4)):
            clock.now = due
            turns.append(shared.submit(frame_of(index), keep))
        detector.go_on.set()
        assert [turn.answer.result(30)[0] for turn in turns] == [1, 2, 3, 4]
    assert detector.frames == [0, 2, 4, 3, 1]


def test_streams_that_ask_again_at_once_starve_none_that_asks_seldom():
    detector, asked = HangingDetector(0), iter(range(1000, 5000))

    def ask_again(*_):
        if not seldom.answer.done() or len(detector.frames) < 50:
            shared.submit(frame_of(next(asked)), ask_again)

    with occupy(detector) as shared:
        for _ in range(3):
            shared.submit(frame_of(next(asked)), ask_again)
        seldom = shared.submit(frame_of(1), keep)
        detector.go_on.set()
        assert seldom.answer.result(30)[0] == 1
        wait_for(lambda: len(detector.frames) > 50)
    assert detector.frames.index(1) == 4


def test_each_caller_gets_the_answer_on_its_own_frame_and_the_time_that_it_took():
    clock = Clock()

    def detect(frame):
        clock.now += 0.25
        return Detections.of([BOX], class_id=frame.index)

    with SharedDetector(detect, clock=clock) as shared:
        index, found, seconds = shared.submit(frame_of(7), keep).answer.result(30)
        assert (index, found.class_id.tolist(), seconds) == (7, [7], 0.25)
        answers = {}
        threads = [
            threading.Thread(target=lambda i=i: answers.update({i: shared(frame_of(i))}))
            for i in range(12)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
    assert {i: found.class_id.tolist() for i, found in answers.items()} == {
        i: [i] for i in range(12)
    }


def test_a_waiting_frame_is_replaced_by_a_newer_one_and_keeps_its_place():
    detector = HangingDetector(0)
    with occupy(detector) as shared:
        first, second = (shared.submit(frame_of(index), keep) for index in (1, 2))
        assert shared.replace(first, frame_of(3))
        assert first.begun is None
        detector.go_on.set()
        assert first.answer.result(30)[0] == 3
        assert second.answer.result(30)[0] == 2
    assert detector.frames == [0, 3, 2]


def test_a_frame_whose_turn_has_begun_is_not_replaced():
    detector = HangingDetector(1)
    with SharedDetector(detector) as shared:
        turn = shared.submit(frame_of(1), keep)
        assert detector.at_work.wait(30)
        assert not shared.replace(turn, frame_of(2))
        detector.go_on.set()
        assert turn.answer.result(30)[0] == 1
        assert not shared.replace(turn, frame_of(2))
    assert detector.frames == [1]


def test_a_turn_that_is_withdrawn_is_not_called_and_withdrawing_again_is_nothing():
    detector = HangingDetector(0)
    with occupy(detector) as shared:
        withdrawn, kept = (shared.submit(frame_of(index), keep) for index in (1, 2))
        shared.withdraw(withdrawn)
        shared.withdraw(withdrawn)
        detector.go_on.set()
        assert kept.answer.result(30)[0] == 2
        shared.withdraw(kept)
        assert not withdrawn.answer.done()
    assert detector.frames == [0, 2]


@pytest.mark.parametrize("error", [ValueError("no"), SystemExit(3), KeyboardInterrupt()])
def test_what_a_detector_raises_reaches_its_caller_and_ends_nothing_else(error):
    def detect(frame):
        if frame.index == 1:
            raise error
        return Detections.of([BOX])

    with SharedDetector(detect) as shared:
        for _ in range(2):
            with pytest.raises(type(error)):
                shared(frame_of(1))
            assert shared(frame_of(2)).xyxy.tolist() == [BOX]


def test_a_caller_that_fails_with_its_answer_ends_nothing_else():
    def fail(frame, found, seconds):
        sys.exit("no answer")

    with SharedDetector(HangingDetector()) as shared:
        assert isinstance(shared.submit(frame_of(1), fail).answer.exception(30), SystemExit)
        assert len(shared(frame_of(2))) == 1


def test_a_detector_that_returns_no_detections_has_failed():
    with (
        SharedDetector(lambda frame: "nothing") as shared,
        pytest.raises(Exception, match="detect"),
    ):
        shared(frame_of(1))


@pytest.mark.parametrize("workers", [2, 3])
def test_workers_are_at_work_side_by_side(workers):
    barrier = threading.Barrier(workers, timeout=30)

    def detect(frame):
        barrier.wait()  # breaks unless all are here at once
        return Detections.of([BOX], class_id=frame.index)

    with SharedDetector(detect, workers=workers) as shared:
        turns = [shared.submit(frame_of(index), keep) for index in range(4 * workers)]
        answers = [turn.answer.result(30) for turn in turns]
    assert [(index, found.class_id.tolist()) for index, found, _ in answers] == [
        (index, [index]) for index in range(4 * workers)
    ]


def test_one_worker_never_calls_the_detector_twice_at_once():
    at_work, most = [], []

    def detect(frame):
        at_work.append(frame.index)
        most.append(len(at_work))
        at_work.remove(frame.index)
        return Detections.of([BOX])

    with SharedDetector(detect) as shared:
        turns = [shared.submit(frame_of(index), keep) for index in range(50)]
        for turn in turns:
            turn.answer.result(30)
    assert set(most) == {1}


def test_seconds_stuck_are_those_of_the_call_that_a_turn_waits_for():
    detector, clock = HangingDetector(0), Clock()
    with occupy(detector, clock=clock) as shared:
        clock.now = 2.0
        waiting = shared.submit(frame_of(1), keep)
        clock.now = 5.0
        assert shared.seconds_stuck(waiting) == 5.0
        assert shared.seconds_stuck() == 5.0
        detector.go_on.set()
        waiting.answer.result(30)
        assert shared.seconds_stuck(waiting) == 0.0
        assert wait_for(lambda: shared.seconds_stuck() == 0.0)


def test_none_is_stuck_while_another_worker_is_free_or_goes_on():
    detector, clock = HangingDetector(0, 1), Clock()
    with occupy(detector, workers=2, clock=clock) as shared:
        clock.now = 9.0
        assert shared.seconds_stuck() == 0.0
        detector.at_work.clear()
        begun = shared.submit(frame_of(1), keep)
        assert detector.at_work.wait(30)
        clock.now = 10.0
        waiting = shared.submit(frame_of(2), keep)
        assert shared.seconds_stuck(begun) == 1.0
        assert shared.seconds_stuck(waiting) == 1.0  # the other call may end sooner


def test_closing_ends_its_threads_and_answers_what_waits():
    detector = HangingDetector(0)
    before = len(find_threads("detector"))
    with occupy(detector) as shared:
        waiting = shared.submit(frame_of(1), keep)
        threading.Timer(0.2, detector.go_on.set).start()
        shared.close()
        shared.close()
        with pytest.raises(RuntimeError, match="the detector is closed"):
            waiting.answer.result(0)
        with pytest.raises(RuntimeError, match="the detector is closed"):
            shared(frame_of(2))
    assert len(find_threads("detector")) == before
    assert detector.frames == [0]


def test_streams_that_join_are_counted_until_they_leave():
    with SharedDetector(HangingDetector()) as shared:
        with shared.join(), shared.join():
            assert shared.streams == 2
        assert shared.streams == 0

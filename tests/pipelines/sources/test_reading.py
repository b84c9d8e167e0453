import threading
from contextlib import closing

import pytest

from helpers.pipelines import blank_frames
from helpers.threads import find_threads
from mvot_pipelines.sources.base import TruncatedError
from mvot_pipelines.sources.reading import read_ahead
from mvot_plugin.timing import StageTimer


def cut_short(frames):
    yield from frames
    raise TruncatedError("cut.avi is cut short")


@pytest.mark.parametrize(("count", "depth"), [(0, 3), (1, 3), (3, 3), (20, 1), (20, 8)])
def test_the_same_frames_come_in_the_same_order(count, depth):
    frames = blank_frames(count)
    taken = list(read_ahead(frames, depth=depth))
    assert [id(frame) for frame in taken] == [id(frame) for frame in frames]


def test_an_error_is_raised_after_the_frames_before_it():
    frames = read_ahead(cut_short(blank_frames(5)), depth=8)
    assert [next(frames).index for _ in range(5)] == [0, 1, 2, 3, 4]
    with pytest.raises(TruncatedError, match="cut short"):
        next(frames)
    assert list(frames) == []


def test_frames_are_read_in_one_other_thread_and_no_further_than_the_depth():
    readers, read = set(), []
    fourth = threading.Event()

    def watched():
        for frame in blank_frames(50):
            readers.add(threading.current_thread())
            read.append(frame.index)
            if frame.index == 3:
                fourth.set()
            yield frame

    with closing(read_ahead(watched(), depth=3)) as frames:
        assert next(frames).index == 0
        assert fourth.wait(30), "three more are read while the first is looked at"
    assert read == [0, 1, 2, 3]
    assert len(readers) == 1
    assert threading.main_thread() not in readers


def test_no_thread_is_left_wherever_it_ends():
    for taken in (0, 1, 7, 20):
        with closing(read_ahead(blank_frames(20), depth=4)) as frames:
            for _, _ in zip(range(taken), frames, strict=False):
                pass
        assert not find_threads("decode")
    with pytest.raises(TruncatedError):
        list(read_ahead(cut_short(blank_frames(2))))
    assert not find_threads("decode")


def test_decoding_is_timed_in_its_thread():
    timer = StageTimer()
    assert len(list(read_ahead(blank_frames(4), timer=timer))) == 4
    assert timer.seconds["decode"] > 0

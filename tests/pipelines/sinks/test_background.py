import threading
from collections.abc import Sequence

import numpy as np
import pytest

from helpers.threads import find_threads
from mvot_pipelines.counting import Count
from mvot_pipelines.sinks import BackgroundSink, MotTextSink, OverlayVideoSink, Sink
from mvot_plugin.errors import OutputError
from mvot_plugin.timing import StageTimer
from mvot_plugin.types import Frame, Tracks

IMAGE = np.full((48, 64, 3), 90, np.uint8)


def frame(index: int) -> Frame:
    return Frame(image=IMAGE, index=index, timestamp=index / 25)


def tracks(index: int) -> Tracks:
    return Tracks(
        id=np.array([1]),
        xyxy=np.array([[index, 2, index + 10, 30]], np.float32),
        score=np.ones(1, np.float32),
        class_id=np.array([0]),
        detected=np.array([True]),
    )


def write_frames(sink: Sink, count: int) -> None:
    for index in range(count):
        sink.write(frame(index), tracks(index))


class RecordingSink(Sink):
    """Keeps what is written; fails on one frame, and may be held up."""

    def __init__(self, fails_on: int = -1, fails_to_close: bool = False) -> None:
        self.written: list[int] = []
        self.counts: list[Sequence[Count]] = []
        self.threads: set[threading.Thread] = set()
        self.closed = 0
        self.go = threading.Event()
        self.go.set()
        self._fails_on, self._fails_to_close = fails_on, fails_to_close

    def write(self, frame: Frame, tracks: Tracks, counts: Sequence[Count] = ()) -> None:
        assert self.go.wait(30)
        self.threads.add(threading.current_thread())
        if frame.index == self._fails_on:
            raise OutputError(f"cannot write frame {frame.index}")
        self.written.append(frame.index)
        self.counts.append(counts)

    def close(self) -> None:
        self.threads.add(threading.current_thread())
        self.closed += 1
        if self._fails_to_close:
            raise OutputError("cannot finish")


def test_counts_are_handed_over_with_their_frame():
    inner, points = RecordingSink(), np.zeros((2, 2), np.float32)
    counts = [Count(name="a", kind="line", points=points, entered=1)]
    with BackgroundSink(inner) as sink:
        sink.write(frame(0), tracks(0), counts)
        sink.write(frame(1), tracks(1))
    assert inner.counts == [counts, ()]


def test_everything_is_written_in_order_in_one_other_thread():
    inner = RecordingSink()
    with BackgroundSink(inner, depth=3) as sink:
        write_frames(sink, 50)
    sink.close()
    assert inner.written == list(range(50))
    assert inner.closed == 1
    assert len(inner.threads) == 1
    assert threading.main_thread() not in inner.threads
    assert not find_threads("write")


@pytest.mark.parametrize("suffix", ["txt", "mp4", "avi"])
def test_the_file_is_the_same_byte_by_byte(tmp_path, suffix):
    def open_sink(name):
        path = tmp_path / f"{name}.{suffix}"
        is_text = suffix == "txt"
        return (
            MotTextSink(path) if is_text else OverlayVideoSink(path, frame_rate=25, size=(64, 48))
        )

    with open_sink("plain") as plain, BackgroundSink(open_sink("background")) as background:
        for index in range(20):
            for sink in (plain, background):
                sink.write(frame(index), tracks(index))
    one, other = (tmp_path / f"{name}.{suffix}" for name in ("plain", "background"))
    assert one.read_bytes() == other.read_bytes()


def test_a_slow_sink_holds_the_writer_up_and_loses_nothing():
    inner = RecordingSink()
    inner.go.clear()
    handed_over, second = [], threading.Event()

    def write_all():
        with BackgroundSink(inner, depth=2) as sink:
            for index in range(6):
                sink.write(frame(index), tracks(index))
                handed_over.append(index)
                if index == 1:
                    second.set()

    writer = threading.Thread(target=write_all)
    writer.start()
    assert second.wait(30)
    assert handed_over == [0, 1]
    inner.go.set()
    writer.join(30)
    assert inner.written == list(range(6))


def test_an_error_is_raised_once_and_nothing_is_written_after_it():
    inner = RecordingSink(fails_on=3)
    sink = BackgroundSink(inner, depth=2)
    with pytest.raises(OutputError, match="cannot write frame 3"):
        write_frames(sink, 20)
    sink.close()
    assert inner.written == [0, 1, 2]
    assert inner.closed == 1


def test_an_error_on_the_last_frame_is_raised_on_closing():
    inner = RecordingSink(fails_on=1)
    sink = BackgroundSink(inner)
    sink.write(frame(0), tracks(0))
    sink.write(frame(1), tracks(1))
    with pytest.raises(OutputError, match="cannot write frame 1"):
        sink.close()
    assert inner.closed == 1
    sink.close()


def test_an_error_in_closing_is_raised():
    sink = BackgroundSink(RecordingSink(fails_to_close=True))
    with pytest.raises(OutputError, match="cannot finish"):
        sink.close()


def test_an_abandoned_run_writes_what_was_handed_over():
    inner = RecordingSink()

    def track_and_fail():
        with BackgroundSink(inner, depth=8) as sink:
            write_frames(sink, 5)
            raise KeyError("lost")

    with pytest.raises(KeyError, match="lost"):
        track_and_fail()
    assert inner.written == list(range(5))


def test_writing_is_timed_in_its_thread():
    timer = StageTimer()
    with BackgroundSink(RecordingSink(), timer=timer) as sink:
        sink.write(frame(0), tracks(0))
    assert timer.calls == {"write": 1}

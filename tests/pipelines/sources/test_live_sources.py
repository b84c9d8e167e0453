"""Cameras and streams."""

import subprocess
import sys
import threading
import time
from itertools import pairwise

import pytest

from helpers.pipelines.streams import MjpegServer, read_number
from mvot_pipelines.sources import LiveSource, open_source
from mvot_pipelines.sources.limits import LimitsConfig
from mvot_plugin.errors import InputError, UsageError


@pytest.fixture
def server():
    with MjpegServer() as server:
        yield server


def reading_threads():
    return [thread for thread in threading.enumerate() if thread.name == "mvot-source"]


def test_no_frame_of_a_stream_is_lost_while_they_are_taken(server):
    with open_source(server.url) as source:
        frames = [frame for frame, _ in zip(source, range(8), strict=False)]
    assert (source.is_live, source.length, source.size) == (True, None, (64, 48))
    first = read_number(frames[0].image)
    for frame in frames:
        assert read_number(frame.image) == first + frame.index
    assert source.dropped == frames[-1].index - 7
    assert source.notes == []


def test_the_newest_frame_is_taken_and_the_others_are_counted(server):
    with open_source(server.url) as source:
        frames = iter(source)
        first = next(frames)
        time.sleep(0.3)
        second = next(frames)
        assert second.index > 5
        assert source.dropped == second.index - 1
        assert read_number(second.image) - read_number(first.image) == second.index
        assert second.timestamp == pytest.approx(second.captured - first.captured)


def test_frames_that_came_before_the_iteration_are_old_not_dropped(server):
    with open_source(server.url) as source:
        time.sleep(0.3)
        first = next(iter(source))
        assert read_number(first.image) > 5
        assert (first.index, first.timestamp, source.dropped) == (0, 0.0, 0)


def test_time_is_that_of_the_capture_by_the_clock(server):
    with LiveSource(server.url, clock=lambda: 100 + 2 * time.monotonic()) as source:
        frames = [frame for frame, _ in zip(source, range(3), strict=False)]
    for before, after in pairwise(frames):
        assert after.timestamp - before.timestamp == pytest.approx(after.captured - before.captured)
        number = read_number(after.image)
        assert after.captured >= 100 + 2 * server.sent[number]


def test_a_stream_with_a_given_rate_is_still_timed_by_the_clock(server):
    with open_source(server.url, frame_rate=4.0) as source:
        assert source.frame_rate == 4
        frames = [frame for frame, _ in zip(source, range(3), strict=False)]
    passed = [frame.captured - frames[0].captured for frame in frames]
    assert [frame.timestamp for frame in frames] == pytest.approx(passed)


def test_a_stream_that_comes_back_goes_on_and_time_does_not_stand_still(server):
    events = []
    with open_source(server.url) as source:
        source.on_event = events.append
        frames = iter(source)
        taken = [next(frames)]
        server.kill()
        threading.Timer(0.4, server.start).start()
        while len(events) < 2 or taken[-1].timestamp < 1.0:
            taken.append(next(frames))
    gap = max(b.timestamp - a.timestamp for a, b in pairwise(taken))
    assert gap >= 0.35
    assert source.dropped == taken[-1].index + 1 - len(taken)
    assert [event.split(" after ")[0] for event in events] == [
        f"{source.name} went away, connecting again for up to 30 s",
        f"{source.name} is back",
    ]
    assert source.notes[0].startswith(f"{source.name} was away once, ")


def test_a_stream_that_does_not_come_back_ends_with_one_sentence(server):
    with open_source(server.url, reconnect=0.3) as source:
        frames = iter(source)
        next(frames)
        server.kill()
        with pytest.raises(InputError, match=r"/live went away and was not back .*--reconnect"):
            list(frames)
        assert source.notes[0].startswith(f"{source.name} was away once, ")


def test_without_reconnecting_it_ends_at_once(server):
    with open_source(server.url, reconnect=0) as source:
        frames = iter(source)
        next(frames)
        server.kill()
        server.start()
        with pytest.raises(InputError, match="went away"):
            list(frames)


def test_a_silent_stream_is_lost(server):
    with open_source(server.url, reconnect=0, limits=LimitsConfig(silence=1.5)) as source:
        frames = iter(source)
        next(frames)
        server.silent.set()
        with pytest.raises(InputError, match=r"not back after 1\.\d s"):
            list(frames)


def test_a_reading_thread_that_is_stuck_does_not_keep_the_run(server):
    leap, limits = 0.0, LimitsConfig(silence=2.0)

    def read_clock():
        return leap + time.monotonic()

    with LiveSource(server.url, clock=read_clock, reconnect=0, limits=limits) as source:
        frames = iter(source)
        next(frames)
        server.silent.set()
        time.sleep(0.1)
        leap = 100.0
        with pytest.raises(InputError, match=r"not back after 100\.\d s"):
            list(frames)
        assert len(reading_threads()) == 1, "it is still within a read"
    assert reading_threads() == []


def test_an_image_of_another_size_after_an_outage_is_refused(server):
    with open_source(server.url) as source:
        frames = iter(source)
        next(frames)
        server.kill()
        server.size = (128, 96)
        server.start()
        with pytest.raises(
            InputError, match=r"now sends images of \(128, 96\) .*\(64, 48\) before"
        ):
            list(frames)


def test_a_waiting_iteration_can_be_interrupted_and_no_thread_stays(server):
    source = open_source(server.url)
    frames = iter(source)
    next(frames)
    assert len(reading_threads()) == 1
    server.kill()
    threading.Timer(0.3, source.interrupt).start()
    assert len(list(frames)) < 10
    source.close()
    source.close()
    assert reading_threads() == []
    assert list(source) == []


def test_closing_waits_until_a_stream_that_is_being_opened_again_gives_up(server):
    events, limits = [], LimitsConfig(silence=0.5, opening=3.0)
    with open_source(server.url, limits=limits) as source:
        source.on_event = events.append
        server.silent.set()
        while not events:
            time.sleep(0.05)
        time.sleep(0.5)
    assert reading_threads() == []


def test_closing_ends_the_iteration_and_the_next_one_is_empty(server):
    with open_source(server.url) as source:
        frames = iter(source)
        next(frames)
    assert list(frames) == list(source) == []
    assert reading_threads() == []


def test_a_program_that_does_not_close_its_stream_ends_without_a_word(server):
    script = (
        "import sys\n"
        "from mvot_pipelines.sources import open_source\n"
        "frames = iter(open_source(sys.argv[1]))\n"
        "print(next(frames).index)\n"
    )
    command = [sys.executable, "-c", script, server.url]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "0\n", "")


def test_a_camera_that_is_not_there_is_one_sentence(capfd):
    for spec in ("97", 97):
        with pytest.raises(InputError, match="camera 97 cannot be opened: check"):
            open_source(spec)
    if sys.platform == "linux":
        assert capfd.readouterr().err == ""


def test_a_stream_that_cannot_be_opened_does_not_reveal_the_password():
    with pytest.raises(InputError) as caught:
        open_source("http://me:secret@127.0.0.1:9/live?token=abc")
    assert str(caught.value).startswith("http://127.0.0.1:9/live cannot be opened")


@pytest.mark.parametrize("reconnect", [-1, float("nan")])
def test_negative_seconds_to_reconnect_are_refused(reconnect):
    with pytest.raises(UsageError, match="seconds to reconnect must be 0 or more"):
        open_source("0", reconnect=reconnect)

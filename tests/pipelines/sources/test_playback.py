"""Recordings that are played as a camera would."""

import threading
import time

import numpy as np
import pytest

from helpers.pipelines.streams import MjpegServer
from helpers.pipelines.videos import write_images, write_video
from mvot_pipelines.sources import LiveSource, Playback, TruncatedError, open_source


def reading_threads():
    return [thread for thread in threading.enumerate() if thread.name == "mvot-source"]


def test_a_recording_plays_at_its_own_rate_and_drops_what_nobody_takes(tmp_path):
    path = write_video(tmp_path / "clip.avi", frames=20, rate=50)
    with open_source(path) as recording, open_source(path, live=True) as source:
        expected = {frame.index: frame for frame in recording}
        assert (source.is_live, source.length, source.size) == (True, 20, recording.size)
        frames = []
        for frame in source:
            frames.append(frame)
            time.sleep(0.07)
    assert 1 < len(frames) < 15
    assert source.dropped == 20 - len(frames)
    assert frames[-1].index == 19, "the last one is always handed out"
    for frame in frames:
        np.testing.assert_array_equal(frame.image, expected[frame.index].image)
        assert frame.timestamp == expected[frame.index].timestamp


def test_no_frame_comes_before_its_time(tmp_path):
    write_images(tmp_path, [f"{n}.png" for n in range(4)])
    start = time.monotonic()
    with open_source(tmp_path, live=True, frame_rate=20) as source:
        frames = list(source)
    assert frames[-1].index == 3
    assert all(frame.captured >= start + frame.timestamp for frame in frames)
    assert reading_threads() == []


def test_every_iteration_plays_from_the_start(tmp_path):
    with open_source(write_video(tmp_path / "clip.avi", rate=25), live=True) as source:
        for _ in range(2):
            frames = iter(source)
            assert next(frames).index < 11
        assert list(frames)[-1].index == 11
        assert list(frames) == []


def test_what_is_wrong_with_the_recording_is_raised_after_its_last_frame(tmp_path):
    path = write_video(tmp_path / "clip.avi", frames=40, rate=100)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    frames = []
    with (
        open_source(path, live=True) as source,
        pytest.raises(TruncatedError, match=r"clip\.avi is damaged or cut short"),
    ):
        frames.extend(source)
    assert len(frames) + source.dropped > 10


def test_a_playback_may_be_left_or_interrupted_at_any_time(tmp_path):
    source = open_source(write_video(tmp_path / "clip.avi", rate=1), live=True)
    next(iter(source))
    source.close()
    assert reading_threads() == []
    frames = iter(source)
    next(frames)
    threading.Timer(0.2, source.interrupt).start()
    assert list(frames) == []
    assert reading_threads() == []


def test_a_stream_is_live_already():
    with MjpegServer() as server, open_source(server.url, live=True) as source:
        assert isinstance(source, LiveSource)
        assert not isinstance(source, Playback)

"""Cameras and streams."""

import sys

import numpy as np
import pytest

from helpers.pipelines.videos import (
    write_video,
)
from mvot_pipelines.sources import LiveSource, open_source
from mvot_plugin.errors import InputError


class StepClock:
    """Half a second passes with every look at it."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        self.now += 0.5
        return self.now


def test_a_stream_is_timed_by_the_clock_and_simply_ends(tmp_path):
    stream = LiveSource(str(write_video(tmp_path / "clip.avi")), clock=StepClock())
    with stream as source:
        assert source.length is None
        frames = list(source)
    times = np.array([frame.timestamp for frame in frames])
    assert [frame.index for frame in frames] == list(range(11)), (
        "the size was read from the first one"
    )
    assert (np.diff(times) >= 0.5).all()
    source.close()


def test_a_stream_with_a_given_rate_is_timed_by_it(tmp_path):
    with LiveSource(str(write_video(tmp_path / "clip.avi")), frame_rate=4.0) as source:
        assert [frame.timestamp for frame in source][:3] == [0, 0.25, 0.5]


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

import sys

import cv2
import numpy as np
import pytest

from mvot_pipelines.sinks import window
from mvot_pipelines.sinks.base import StopRun
from mvot_pipelines.sinks.window import WindowSink
from mvot_plugin.errors import OutputError
from mvot_plugin.types import Frame, Tracks

GREY = np.full((288, 384, 3), 90, np.uint8)


def frame(index: int = 0, image: np.ndarray = GREY) -> Frame:
    return Frame(image=image, index=index, timestamp=0.0)


class FakeDesktop:
    """Stands in for OpenCV's windows, with a key pressed and a window open or not."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.key, self.visible = -1, 1.0
        self.shown: list[np.ndarray] = []
        self.calls: list[str] = []
        monkeypatch.setattr(window, "can_open_window", lambda: True)
        monkeypatch.setattr(cv2, "namedWindow", lambda *_: self.calls.append("open"))
        monkeypatch.setattr(cv2, "resizeWindow", lambda *a: self.calls.append(f"{a[1]}x{a[2]}"))
        monkeypatch.setattr(cv2, "imshow", lambda _, image: self.shown.append(image))
        monkeypatch.setattr(cv2, "waitKey", lambda _: self.key)
        monkeypatch.setattr(cv2, "getWindowProperty", lambda *_: self.visible)
        monkeypatch.setattr(cv2, "destroyWindow", lambda _: self.calls.append("close"))


def test_a_window_shows_each_frame_and_closes_once(monkeypatch):
    desktop = FakeDesktop(monkeypatch)
    large = np.zeros((1800, 1600, 3), np.uint8)
    with WindowSink("mvot", frame_rate=30) as sink:
        sink.write(frame(image=large), Tracks.empty())
        sink.write(frame(image=large), Tracks.empty())
    sink.close()
    assert desktop.calls == ["open", "800x900", "close"]
    assert [image.shape for image in desktop.shown] == [large.shape] * 2


@pytest.mark.parametrize(("key", "visible"), [(ord("q"), 1.0), (27, 1.0), (-1, 0.0), (-1, -1.0)])
def test_q_esc_and_closing_the_window_stop_the_run(monkeypatch, key, visible):
    desktop = FakeDesktop(monkeypatch)
    with WindowSink("mvot") as sink:
        sink.write(frame(), Tracks.empty())
        desktop.key, desktop.visible = key, visible
        with pytest.raises(StopRun):
            sink.write(frame(), Tracks.empty())


@pytest.mark.parametrize(
    ("variables", "reason"),
    [
        ({}, "there is no display"),
        ({"DISPLAY": ":4321"}, "the display ':4321' cannot be used"),
        ({"WAYLAND_DISPLAY": "nowhere"}, "the display 'nowhere' cannot be used"),
    ],
)
@pytest.mark.skipif(sys.platform != "linux", reason="displays of Linux")
def test_a_display_that_cannot_be_used_is_one_sentence(monkeypatch, variables, reason):
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(OutputError, match=f"cannot open the window 'mvot': {reason}; write a file"):
        WindowSink("mvot")

import shutil
from collections import namedtuple
from pathlib import Path

import cv2
import numpy as np
import pytest

from mvot_pipelines.sinks import video as video_sinks
from mvot_pipelines.sinks.base import StopRun
from mvot_pipelines.sinks.video import OverlayVideoSink, WindowSink
from mvot_plugin.errors import OutputError
from mvot_plugin.types import Frame, Tracks

GREY = np.full((288, 384, 3), 90, np.uint8)
ONE = Tracks(
    id=np.array([1]),
    xyxy=np.array([[10, 20, 30, 40]], np.float32),
    score=np.ones(1, np.float32),
    class_id=np.array([0]),
    detected=np.array([True]),
)


def frame(index: int = 0, image: np.ndarray = GREY) -> Frame:
    return Frame(image=image, index=index, timestamp=0.0)


def read_back(path: Path) -> list[np.ndarray]:
    capture = cv2.VideoCapture(str(path))
    images = []
    while (answer := capture.read())[0]:
        images.append(answer[1])
    capture.release()
    return images


@pytest.mark.parametrize("suffix", [".mp4", ".avi", ".MP4"])
@pytest.mark.parametrize("size", [(64, 48), (65, 49), (64, 49)])
def test_the_video_file_holds_every_frame_in_its_size(tmp_path, suffix, size):
    path = tmp_path / "new folder" / f"out{suffix}"
    image = np.full((size[1], size[0], 3), 200, np.uint8)
    with OverlayVideoSink(str(path), frame_rate=29.97, size=size) as sink:
        for index in range(30):
            sink.write(frame(index, image), ONE)
    sink.close()
    images = read_back(path)
    assert len(images) == 30
    even = (size[0] + size[0] % 2, size[1] + size[1] % 2)
    assert {(image.shape[1], image.shape[0]) for image in images} == {even}
    assert np.abs(images[0][-4:, -4:].astype(int) - 200).max() < 30, "the border is the image's"
    capture = cv2.VideoCapture(str(path))
    assert capture.get(cv2.CAP_PROP_FPS) == pytest.approx(29.97)


def test_frames_that_were_dropped_are_filled_by_the_ones_before(tmp_path):
    path, size = tmp_path / "a.avi", (GREY.shape[1], GREY.shape[0])
    with OverlayVideoSink(path, frame_rate=25, size=size, keep_time=True) as sink:
        for seconds, level in ((0.0, 60), (0.04, 90), (0.2, 120), (100.0, 150), (100.04, 180)):
            image = np.full_like(GREY, level)
            sink.write(Frame(image=image, index=0, timestamp=seconds), Tracks.empty())
    levels = [round(float(image[-20:].mean()) / 30) * 30 for image in read_back(path)]
    assert levels == [60, *[90] * 4, *[120] * (1 + 50), 150, 180]  # two seconds at most


def test_a_video_of_no_frames_is_no_failure(tmp_path):
    with OverlayVideoSink(tmp_path / "out.mp4", frame_rate=25, size=(64, 48)):
        pass
    assert (tmp_path / "out.mp4").exists()


def test_other_suffixes_are_refused_with_those_that_work(tmp_path):
    with pytest.raises(OutputError, match=r"out\.mov: a video must end in \.mp4 or \.avi"):
        OverlayVideoSink(tmp_path / "out.mov", frame_rate=25, size=(64, 48))


def test_a_video_that_cannot_be_opened_fails_at_once(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match=r"cannot write .*out\.mp4: "):
        OverlayVideoSink(tmp_path / "file" / "out.mp4", frame_rate=25, size=(64, 48))
    with pytest.raises(OutputError, match="cannot encode mp4v video of 64x48 pixels at 90000"):
        OverlayVideoSink(tmp_path / "out.mp4", frame_rate=90000.0, size=(64, 48))
    assert not (tmp_path / "out.mp4").exists()


def test_a_frame_of_another_size_is_refused(tmp_path):
    with (
        OverlayVideoSink(tmp_path / "out.mp4", frame_rate=25, size=(64, 48)) as sink,
        pytest.raises(OutputError, match=r"out\.mp4: frame 7 is \(384, 288\) pixels"),
    ):
        sink.write(frame(7), Tracks.empty())


def test_the_video_stops_before_the_disk_is_full_and_stays_whole(tmp_path, monkeypatch):
    usage = namedtuple("usage", "free")
    room = [1 << 40]
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(room[0]))
    path = tmp_path / "out.mp4"
    with OverlayVideoSink(path, frame_rate=25, size=(384, 288)) as sink:
        for index in range(75):
            room[0] = 1 << 40 if index < 60 else 1 << 20
            sink.write(frame(index), Tracks.empty())
        with pytest.raises(OutputError, match=r"out\.mp4: the disk is nearly full; free"):
            sink.write(frame(75), Tracks.empty())
    assert len(read_back(path)) == 75
    with pytest.raises(OutputError, match="nearly full"):
        OverlayVideoSink(tmp_path / "more.mp4", frame_rate=25, size=(384, 288))


def test_a_file_that_lost_frames_is_reported_on_closing(tmp_path):
    path = tmp_path / "out.mp4"
    sink = OverlayVideoSink(path, frame_rate=25, size=(384, 288))
    sink.write(frame(), Tracks.empty())
    sink._writer.release()
    path.unlink()
    with pytest.raises(OutputError, match=r"out\.mp4 holds only 0 of 1 frames: check"):
        sink.close()
    sink.close()


class FakeDesktop:
    """Stands in for OpenCV's windows, with a key pressed and a window open or not."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.key, self.visible = -1, 1.0
        self.shown: list[np.ndarray] = []
        self.calls: list[str] = []
        monkeypatch.setenv("DISPLAY", ":0")
        monkeypatch.setattr(cv2, "namedWindow", lambda *_: self.calls.append("open"))
        monkeypatch.setattr(cv2, "resizeWindow", lambda *a: self.calls.append(f"{a[1]}x{a[2]}"))
        monkeypatch.setattr(cv2, "imshow", lambda _, image: self.shown.append(image))
        monkeypatch.setattr(cv2, "waitKey", lambda _: self.key)
        monkeypatch.setattr(cv2, "getWindowProperty", lambda *_: self.visible)
        monkeypatch.setattr(cv2, "destroyWindow", lambda _: self.calls.append("close"))


def test_a_window_shows_each_frame_and_closes_once(monkeypatch):
    desktop = FakeDesktop(monkeypatch)
    large = np.zeros((1800, 1600, 3), np.uint8)
    with WindowSink("mvot", frame_rate=30) as window:
        window.write(frame(image=large), ONE)
        window.write(frame(image=large), ONE)
    window.close()
    assert desktop.calls == ["open", "800x900", "close"]
    assert [image.shape for image in desktop.shown] == [large.shape] * 2


@pytest.mark.parametrize(("key", "visible"), [(ord("q"), 1.0), (27, 1.0), (-1, 0.0), (-1, -1.0)])
def test_q_esc_and_closing_the_window_stop_the_run(monkeypatch, key, visible):
    desktop = FakeDesktop(monkeypatch)
    with WindowSink("mvot") as window:
        window.write(frame(), Tracks.empty())
        desktop.key, desktop.visible = key, visible
        with pytest.raises(StopRun):
            window.write(frame(), Tracks.empty())


def test_no_display_is_one_sentence(monkeypatch):
    monkeypatch.setattr(video_sinks.sys, "platform", "linux")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    with pytest.raises(OutputError, match="window 'mvot': there is no display"):
        WindowSink("mvot")


def test_an_opencv_without_windows_is_one_sentence(monkeypatch):
    def refuse(*_: object) -> None:
        raise cv2.error("The function is not implemented")

    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr(cv2, "namedWindow", refuse)
    with pytest.raises(OutputError, match="window 'mvot': there is no display"):
        WindowSink("mvot")

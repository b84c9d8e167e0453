import shutil
import time
from collections import namedtuple
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mvot_pipelines import overlay
from mvot_pipelines.overlay import OverlayVideoSink, Painter, WindowSink, draw_tracks
from mvot_pipelines.sinks import StopRun

from mvot_plugin.errors import OutputError
from mvot_plugin.types import Frame, Tracks

GREY = np.full((288, 384, 3), 90, np.uint8)


def frame(index: int = 0, image: np.ndarray = GREY, timestamp: float = 0.0) -> Frame:
    return Frame(image=image, index=index, timestamp=timestamp)


def tracks(boxes: object, ids: object = None, detected: object = True) -> Tracks:
    corners = np.array(boxes, np.float32).reshape(-1, 4)
    count = len(corners)
    return Tracks(
        id=np.arange(1, count + 1) if ids is None else np.array(ids, np.int64),
        xyxy=corners,
        score=np.ones(count, np.float32),
        class_id=np.zeros(count, np.int64),
        detected=np.broadcast_to(np.array(detected), count).copy(),
    )


def changed(image: np.ndarray, original: np.ndarray = GREY) -> np.ndarray:
    return (image != original).any(axis=2)


def read_back(path: Path) -> list[np.ndarray]:
    capture = cv2.VideoCapture(str(path))
    images = []
    while (answer := capture.read())[0]:
        images.append(answer[1])
    capture.release()
    return images


def test_an_identity_keeps_its_color_and_differs_from_its_neighbours():
    colors = np.array([overlay.track_color(n) for n in range(1, 200)], int)
    assert overlay.track_color(17) == tuple(colors[16])
    for distance in range(1, 5):
        apart = np.abs(colors[distance:] - colors[:-distance]).max(axis=1)
        assert apart.min() > 40


def test_drawing_leaves_the_given_image_alone():
    before = GREY.copy()
    drawn = draw_tracks(GREY, tracks([[50, 60, 120, 200]]), {1: [(80, 200), (85, 200)]})
    np.testing.assert_array_equal(GREY, before)
    assert drawn.shape == GREY.shape
    assert changed(drawn).any()


def test_detected_boxes_are_whole_and_estimated_ones_are_corners():
    box = [[100, 60, 180, 240]]
    whole = changed(draw_tracks(GREY, tracks(box), {}))
    corners = changed(draw_tracks(GREY, tracks(box, detected=False), {}))
    for view in (whole, corners):
        assert view[60, 100]
        assert view[239, 179]
        assert not view[150, 140], "the inside stays clear"
    assert whole[150, 100]
    assert whole[150, 179]
    assert whole[239, 140]
    assert not corners[150, 95:106].any()
    assert not corners[234:245, 140].any()


def test_the_label_stays_inside_the_image():
    names = {0: "person"}
    for box in ([-20, -20, 20, 30], [370, 0, 400, 60], [360, 280, 400, 300], [0, 100, 5, 110]):
        bare = draw_tracks(GREY, tracks([box]), {})
        named = draw_tracks(GREY, tracks([box]), {}, class_names=names)
        assert changed(named).sum() > changed(bare).sum()
        color = np.array(overlay.track_color(1))
        assert (named == color).all(axis=2).sum() > 200, "the filled tag is in view"


corner = st.floats(allow_nan=True, allow_infinity=True, width=32)


@given(st.lists(st.tuples(corner, corner, corner, corner), max_size=4))
def test_any_box_can_be_drawn_on_any_image(boxes):
    painter = Painter()
    for size in ((1, 1), (48, 64), (65, 31)):
        image = np.zeros((*size, 3), np.uint8)
        painted = painter.paint(frame(0, image, float("nan")), tracks(boxes, detected=False))
        assert painted.shape == image.shape


def test_trails_follow_the_track_and_are_forgotten_in_time():
    painter = Painter(frame_rate=10.0, trail_seconds=0.5)
    for index in range(100):
        painter.paint(frame(index), tracks([[index, 50, index + 40, 120]], ids=[index // 50 + 1]))
        assert sum(len(trail) for trail in painter._trails.values()) <= 5
    assert list(painter._trails) == [2]
    for index in range(5):
        painter.paint(frame(index), Tracks.empty())
    assert painter._trails == {}


def test_a_trail_is_drawn_where_the_track_went():
    painter = Painter(frame_rate=10.0)
    still = Painter(frame_rate=10.0)
    for x in (100, 120, 140, 160):
        moved = painter.paint(frame(), tracks([[x, 100, x + 40, 220]]))
    stood = still.paint(frame(), tracks([[160, 100, 200, 220]]))
    apart = np.argwhere(changed(moved, stood))
    assert len(apart) > 20
    assert apart[:, 0].min() > 210
    assert apart[:, 1].min() < 130


def test_the_legend_counts_in_the_upper_left_corner():
    painter = Painter()
    none = painter.paint(frame(3, timestamp=61.5), Tracks.empty())
    assert changed(none)[:30, :200].any()
    assert not changed(none)[40:].any()
    later = painter.paint(frame(4, timestamp=float("nan")), Tracks.empty())
    assert changed(none, later).any()
    assert overlay._clock(61.5) == "  1:01.5"
    assert overlay._clock(float("nan")) == ""


def test_drawing_takes_a_few_milliseconds():
    image = np.zeros((576, 768, 3), np.uint8)
    painter = Painter(class_names={0: "person"})
    some = tracks([[60 * n, 200, 60 * n + 50, 340] for n in range(10)])
    costs = []
    for index in range(30):
        start = time.perf_counter()
        painter.paint(frame(index, image), some)
        costs.append(time.perf_counter() - start)
    assert min(costs) < 0.02


@pytest.mark.parametrize("suffix", [".mp4", ".avi", ".MP4"])
@pytest.mark.parametrize("size", [(64, 48), (65, 49), (64, 49)])
def test_the_video_file_holds_every_frame_in_its_size(tmp_path, suffix, size):
    path = tmp_path / "new folder" / f"out{suffix}"
    image = np.full((size[1], size[0], 3), 200, np.uint8)
    with OverlayVideoSink(str(path), frame_rate=29.97, size=size) as sink:
        for index in range(30):
            sink.write(frame(index, image), tracks([[10, 20, 30, 40]]))
    sink.close()
    images = read_back(path)
    assert len(images) == 30
    even = (size[0] + size[0] % 2, size[1] + size[1] % 2)
    assert {(seen.shape[1], seen.shape[0]) for seen in images} == {even}
    assert np.abs(images[0][-4:, -4:].astype(int) - 200).max() < 30, "the border is the image's"
    capture = cv2.VideoCapture(str(path))
    assert capture.get(cv2.CAP_PROP_FPS) == pytest.approx(29.97)


def test_a_video_of_no_frames_is_no_failure(tmp_path):
    with OverlayVideoSink(tmp_path / "out.mp4", frame_rate=25.0, size=(64, 48)):
        pass
    assert (tmp_path / "out.mp4").exists()


def test_other_suffixes_are_refused_with_those_that_work(tmp_path):
    with pytest.raises(OutputError, match=r"out\.mov: a video must end in \.mp4 or \.avi"):
        OverlayVideoSink(tmp_path / "out.mov", frame_rate=25.0, size=(64, 48))


def test_a_video_that_cannot_be_opened_fails_at_once(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match=r"cannot write .*out\.mp4: "):
        OverlayVideoSink(tmp_path / "file" / "out.mp4", frame_rate=25.0, size=(64, 48))
    with pytest.raises(OutputError, match="cannot encode mp4v video of 64x48 pixels at 90000"):
        OverlayVideoSink(tmp_path / "out.mp4", frame_rate=90000.0, size=(64, 48))
    assert not (tmp_path / "out.mp4").exists()


def test_a_frame_of_another_size_is_refused(tmp_path):
    with (
        OverlayVideoSink(tmp_path / "out.mp4", frame_rate=25.0, size=(64, 48)) as sink,
        pytest.raises(OutputError, match=r"out\.mp4: frame 7 is \(384, 288\) pixels"),
    ):
        sink.write(frame(7), Tracks.empty())


def test_the_video_stops_before_the_disk_is_full_and_stays_whole(tmp_path, monkeypatch):
    usage = namedtuple("usage", "free")
    room = [1 << 40]
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(room[0]))
    path = tmp_path / "out.mp4"
    with OverlayVideoSink(path, frame_rate=25.0, size=(384, 288)) as sink:
        for index in range(75):
            room[0] = 1 << 40 if index < 60 else 1 << 20
            sink.write(frame(index), Tracks.empty())
        with pytest.raises(OutputError, match=r"out\.mp4: the disk is nearly full"):
            sink.write(frame(75), Tracks.empty())
    assert len(read_back(path)) == 75
    with pytest.raises(OutputError, match="nearly full"):
        OverlayVideoSink(tmp_path / "more.mp4", frame_rate=25.0, size=(384, 288))


def test_a_file_that_lost_frames_is_reported_on_closing(tmp_path):
    path = tmp_path / "out.mp4"
    sink = OverlayVideoSink(path, frame_rate=25.0, size=(384, 288))
    sink.write(frame(), Tracks.empty())
    sink._writer.release()
    path.unlink()
    with pytest.raises(OutputError, match=r"out\.mp4 holds only 0 of 1 frames"):
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
    with WindowSink("mvot") as window:
        window.write(frame(image=large), tracks([[50, 60, 120, 200]]))
        window.write(frame(image=large), tracks([[50, 60, 120, 200]]))
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
    monkeypatch.setattr(overlay.sys, "platform", "linux")
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

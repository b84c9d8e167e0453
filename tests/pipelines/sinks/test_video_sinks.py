import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import cv2
import numpy as np
import pytest

from helpers.pipelines.disks import limit_files
from mvot_pipelines.sinks.video import OverlayVideoSink
from mvot_plugin.errors import OutputError
from mvot_plugin.types import Frame, Tracks

GREY = np.full((288, 384, 3), 90, np.uint8)
SIZE = (384, 288)
SUFFIXES = [".mp4", ".avi"]
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
    path = tmp_path / "a.avi"
    with OverlayVideoSink(path, frame_rate=25, size=SIZE, keep_time=True) as sink:
        for seconds, level in ((0.0, 60), (0.04, 90), (0.2, 120), (100.0, 150), (100.04, 180)):
            image = np.full_like(GREY, level)
            sink.write(Frame(image=image, index=0, timestamp=seconds), Tracks.empty())
    levels = [round(float(image[-20:].mean()) / 30) * 30 for image in read_back(path)]
    assert levels == [60, *[90] * 4, *[120] * (1 + 50), 150, 180]  # two seconds at most


def test_the_file_before_stays_until_the_first_frame_is_whole(tmp_path):
    path = tmp_path / "out.mp4"
    with OverlayVideoSink(path, frame_rate=25, size=SIZE):
        pass
    assert not path.exists()
    path.write_text("old")
    with OverlayVideoSink(path, frame_rate=25, size=SIZE) as sink:
        sink.write(frame(0), ONE)
        assert path.read_text() == "old"
        sink.write(frame(1), ONE)
        assert len(read_back(path)) == 1
    assert len(read_back(path)) == 2
    assert [file.name for file in tmp_path.iterdir()] == ["out.mp4"]


def test_other_suffixes_are_refused_with_those_that_work(tmp_path):
    with pytest.raises(OutputError, match=r"out\.mov: a video must end in \.mp4 or \.avi"):
        OverlayVideoSink(tmp_path / "out.mov", frame_rate=25, size=(64, 48))


def test_a_video_that_cannot_be_opened_fails_at_once(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match=r"cannot write .*out\.mp4: "):
        OverlayVideoSink(tmp_path / "file" / "out.mp4", frame_rate=25, size=(64, 48))
    with pytest.raises(OutputError, match=r"cannot encode H\.264 video of 20000x48 pixels at 25"):
        OverlayVideoSink(tmp_path / "out.mp4", frame_rate=25, size=(20000, 48))
    assert not (tmp_path / "out.mp4").exists()


def test_a_frame_of_another_size_is_refused(tmp_path):
    with (
        OverlayVideoSink(tmp_path / "out.mp4", frame_rate=25, size=(64, 48)) as sink,
        pytest.raises(OutputError, match=r"out\.mp4: frame 7 is \(384, 288\) pixels"),
    ):
        sink.write(frame(7), Tracks.empty())


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("share", [0.3, 0.7, 0.999])
def test_a_disk_that_fills_up_leaves_a_video_up_to_a_frame(tmp_path, suffix, share):
    whole, path = tmp_path / f"whole{suffix}", tmp_path / f"out{suffix}"
    noise = np.random.default_rng(0).integers(0, 256, (10, *GREY.shape), np.uint8)
    with OverlayVideoSink(whole, frame_rate=25, size=SIZE) as sink:
        for index in range(10):
            sink.write(frame(index, noise[index]), ONE)
    sink, written = OverlayVideoSink(path, frame_rate=25, size=SIZE), 0
    message = pytest.raises(OutputError, match=f"cannot write .*out{suffix}: File too large")
    with limit_files(int(share * whole.stat().st_size)), message, sink:
        for index in range(10):
            sink.write(frame(index, noise[index]), ONE)
            written = index + 1
    sink.close()
    assert written - 1 <= len(read_back(path)) <= written
    assert written >= 10 * share - 2.5


def test_a_killed_process_leaves_videos_without_their_last_frame(tmp_path):
    script = (
        "import os, signal, sys, numpy as np\n"
        "from mvot_pipelines.sinks.video import OverlayVideoSink\n"
        "from mvot_plugin.types import Frame, Tracks\n"
        "image = np.zeros((48, 64, 3), np.uint8)\n"
        "sinks = [OverlayVideoSink(p, frame_rate=25, size=(64, 48)) for p in sys.argv[1:]]\n"
        "for index in range(30):\n"
        "    for sink in sinks:\n"
        "        sink.write(Frame(image=image, index=index, timestamp=0.0), Tracks.empty())\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    paths = [tmp_path / f"out{suffix}" for suffix in SUFFIXES]
    done = subprocess.run([sys.executable, "-c", script, *paths], stderr=subprocess.PIPE)
    assert (done.returncode, done.stderr) == (-signal.SIGKILL, b"")
    assert [len(read_back(path)) >= 29 for path in paths] == [True, True]
    assert sorted(tmp_path.iterdir()) == sorted(paths)


def test_a_finished_mp4_is_an_ordinary_one(tmp_path):
    path = tmp_path / "out.mp4"
    with OverlayVideoSink(path, frame_rate=25, size=SIZE) as sink:
        sink.write(frame(0), ONE)
        sink.write(frame(1), ONE)
        assert list_boxes(path.read_bytes())[-3:] == ["moov", "moof", "mdat"]
        sink.write(frame(2), ONE)
    assert list_boxes(path.read_bytes()) == ["ftyp", "free", "mdat", "moov"]


def list_boxes(content: bytes) -> list[str]:
    """The types of the outermost boxes of an MP4 file."""
    types, start = [], 0
    while start < len(content):
        length = int.from_bytes(content[start : start + 4], "big")
        types.append(content[start + 4 : start + 8].decode())
        start += length
    return types


@pytest.mark.skipif(os.name == "nt", reason="pipes of POSIX")
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_video_can_be_written_to_a_pipe(tmp_path, suffix):
    pipe, copy = tmp_path / f"pipe{suffix}", tmp_path / f"copy{suffix}"
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: copy.write_bytes(pipe.read_bytes()))
    reader.start()
    with OverlayVideoSink(pipe, frame_rate=25, size=SIZE) as sink:
        for index in range(5):
            sink.write(frame(index), ONE)
    reader.join(30)
    assert len(read_back(copy)) == 5
    assert pipe.is_fifo()


@pytest.mark.parametrize("rate", [30000 / 1001, 99.999, 7 / 3, 0.01])
def test_the_frame_rate_is_kept(tmp_path, rate):
    path = tmp_path / "out.mp4"
    with OverlayVideoSink(path, frame_rate=rate, size=SIZE) as sink:
        for index in range(3):
            sink.write(frame(index), ONE)
    assert cv2.VideoCapture(str(path)).get(cv2.CAP_PROP_FPS) == pytest.approx(rate, rel=1e-4)

"""`mvot-run` on several threads: the same results as on one, and no thread left behind."""

import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from helpers.pipelines.disks import limit_files
from helpers.pipelines.mvot_run import FRAMES, read_properties
from helpers.threads import find_threads
from mvot_pipelines import loading
from mvot_pipelines.config import RunConfig
from mvot_pipelines.runner import run
from mvot_plugin.errors import InputError, OutputError
from mvot_plugin.types import Detections


def configure(videos, folder, threads, **settings):
    outputs = {
        "save_txt": str(folder / "a.txt"),
        "save_jsonl": str(folder / "a.jsonl"),
        "save_video": str(folder / "a.mp4"),
    }
    source = {"source": str(videos / "street.avi"), "detections": str(videos / "det.txt")}
    return RunConfig(**(source | outputs | settings), threads=threads, quiet=True)


def test_threads_change_no_byte(videos, tmp_path):
    for threads in (1, 2):
        report = run(configure(videos, tmp_path / str(threads), threads))
        assert (report.frames, report.error) == (FRAMES, None)
        assert len(report.threads) == (0 if threads == 1 else 3)
        assert report.work("decode") > 0
        assert report.work("write") > 0
    for name in ("a.txt", "a.jsonl", "a.mp4"):
        one, two = (tmp_path / str(threads) / name for threads in (1, 2))
        assert one.read_bytes() == two.read_bytes(), name


@pytest.mark.parametrize("threads", [1, 2])
def test_a_detector_that_fails_ends_all_outputs_on_the_frame_before(
    videos, tmp_path, monkeypatch, threads
):
    def detect(frame):
        if frame.index == 20:
            raise ConnectionError("gone")
        return Detections.empty()

    monkeypatch.setattr(loading, "load_detector", lambda *_, **__: detect)
    report = run(configure(videos, tmp_path, threads, detections=None))
    assert isinstance(report.error, InputError)
    assert "the detector failed on frame 20 (ConnectionError: gone)" in str(report.error)
    assert report.frames == 20
    assert read_properties(tmp_path / "a.mp4")[0] == 20
    assert not find_threads("decode", "detect-ahead", "write")


@pytest.mark.parametrize("threads", [1, 2])
def test_an_overlay_that_fails_on_the_way_is_reported_and_stays_whole(videos, tmp_path, threads):
    config = configure(videos, tmp_path, threads, save_jsonl=None, overwrite=True)
    run(config)
    with limit_files((tmp_path / "a.mp4").stat().st_size // 2):
        report = run(config)
    assert isinstance(report.error, OutputError)
    assert "a.mp4: File too large" in str(report.error)
    assert 5 <= report.frames < FRAMES
    frames = read_properties(tmp_path / "a.mp4")[0]
    assert report.frames - 4 <= frames <= report.frames
    rows = np.loadtxt(tmp_path / "a.txt", delimiter=",")
    assert report.frames <= rows[:, 0].max() <= report.frames + 1
    assert not find_threads("decode", "detect-ahead", "write")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_second_interrupt_ends_a_run_whose_detector_hangs(videos, tmp_path, number):
    code = (
        "import sys, threading\n"
        "from mvot_pipelines import cli, loading\n"
        "hang = lambda frame: print('asked', flush=True) or threading.Event().wait()\n"
        "loading.load_detector = lambda *_, **__: hang\n"
        "sys.exit(cli.main(sys.argv[1:]))\n"
    )
    arguments = [videos / "street.avi", "--engine", "hold", "--threads", "2"]
    arguments += ["--save-txt", tmp_path / "a.txt"]
    run = subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)], stdout=-1, stderr=-1, text=True
    )
    assert run.stdout.readline() == "asked\n"
    time.sleep(1)
    run.send_signal(number)
    time.sleep(0.5)
    run.send_signal(number)
    _, err = run.communicate(timeout=60)
    assert (run.returncode, err) == (1, "mvot-run: interrupted\n")
    assert not (tmp_path / "a.txt").exists()

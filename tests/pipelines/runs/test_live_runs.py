"""Live runs: slow detectors, streams that go away and come back, or do not, and interrupts."""

import json
import os
import signal
import subprocess
import threading
import time
from itertools import pairwise

import pytest

from helpers.pipelines.mvot_run import COMMAND, FRAMES, mvot_run
from helpers.pipelines.streams import MjpegServer, read_number
from mvot_pipelines import MotPipeline, open_source
from mvot_pipelines.cli import main
from mvot_plugin.types import Detections

SMALL_BOX = [8.0, 8.0, 30.0, 40.0]


@pytest.fixture
def camera():
    """A camera with 25 images a second."""
    with MjpegServer(rate=25.0) as server:
        yield server


@pytest.fixture
def boxes(tmp_path):
    """A file with the same detection on a thousand frames."""
    path = tmp_path / "det.txt"
    path.write_text("".join(f"{frame},-1,9,9,22,32,1\n" for frame in range(1, 1001)))
    return path


class SlowDetector:
    """Waits for the test before it answers; knows when it is at work."""

    def __init__(self):
        self.at_work, self.go_on = threading.Event(), threading.Event()

    def __call__(self, frame):
        self.at_work.set()
        assert self.go_on.wait(60)
        return Detections.of([SMALL_BOX])


def test_no_frame_waits_for_the_detector_and_none_grows_old(camera):
    detector, delays = SlowDetector(), []
    with (
        open_source(camera.url) as source,
        MotPipeline(detector, "lk-flow", 5, asynchronous=True) as pipeline,
    ):
        for frame in source:
            tracks = pipeline.step(frame)
            if detector.at_work.is_set():
                delays.append(max(camera.sent) - read_number(frame.image))
            if len(delays) == 40:
                detector.go_on.set()
            if len(tracks):
                break
    assert len(delays) >= 40  # answers while the detector was at work on one frame
    assert max(delays[20:]) < 25  # a second, on a machine that does much else


def test_tracks_go_on_under_their_ids_when_a_stream_comes_back(camera):
    ids, detector = [], lambda frame: Detections.of([SMALL_BOX])
    with (
        open_source(camera.url, reconnect=30.0) as source,
        MotPipeline(detector, "hold", 2, asynchronous=True) as pipeline,
    ):
        for frame in source:
            ids.append((frame.timestamp, pipeline.step(frame).id.tolist()))
            if len(ids) == 20:
                camera.kill()
                threading.Timer(1.0, camera.start).start()
            if len(ids) == 45:
                break
        assert "was away once" in source.notes[0]
    gaps = [after - before for (before, _), (after, _) in pairwise(ids)]
    assert max(gaps) > 0.9
    assert ids[15][1] == ids[-1][1] == [1]


def test_a_stream_that_is_gone_for_good_ends_the_run_with_a_sentence(
    camera, boxes, tmp_path, capsys
):
    output = tmp_path / "a.jsonl"
    arguments = [camera.url, "--detections", str(boxes), "--engine", "hold", "--reconnect", "0.3"]
    threading.Timer(2.0, camera.kill).start()
    assert main([*arguments, "--save-jsonl", str(output)]) == 1
    out, err = capsys.readouterr()
    assert "went away and was not back after" in err
    assert "--reconnect SECONDS" in err
    assert "frames seen" in out
    assert "latency" in out
    assert "note: http://127.0.0.1" in out
    rows = [json.loads(line) for line in output.read_text().splitlines()]
    assert {row["id"] for row in rows if "id" in row} == {1}
    assert all(0 <= row["delay"] < 60 for row in rows)
    assert abs(rows[-1]["captured"] - time.time()) < 600


def test_a_run_that_waits_for_a_lost_stream_is_ended_by_the_first_interrupt(camera, boxes):
    arguments = [camera.url, "--detections", boxes, "--engine", "hold", "--save-txt", os.devnull]
    run = subprocess.Popen([COMMAND, *arguments], stderr=subprocess.PIPE, text=True)
    time.sleep(3)
    camera.kill()
    for line in run.stderr:
        if line.startswith("mvot-run: http://127.0.0.1") and "went away" in line:
            break
    run.send_signal(signal.SIGINT)
    _, err = run.communicate(timeout=60)
    assert run.returncode == 1
    assert "interrupted after" in err


def test_a_file_is_played_as_a_camera_would(videos, tmp_path):
    output = tmp_path / "a.txt"
    common = [videos / "street.avi", "--detections", videos / "det.txt", "--engine", "hold"]
    done = mvot_run(*common, "--live", "--save-txt", output)
    assert done.returncode == 0, done.stderr
    assert "live: " in done.stdout
    frames = {int(line.split(",")[0]) for line in output.read_text().splitlines()}
    assert max(frames) == FRAMES


def test_a_detector_in_a_process_of_its_own(videos, tmp_path):
    output = tmp_path / "a.txt"
    common = [videos / "street.avi", "--detections", videos / "det.txt", "--engine", "hold"]
    slow = "--frame-rate", "5", "--detect-every", "1"
    done = mvot_run(*common, "--live", *slow, "--async-process", "--save-txt", output)
    assert done.returncode == 0, done.stderr
    assert output.read_text()


@pytest.mark.parametrize("flag", ["--async", "--async-process"])
def test_a_recording_waits_for_its_detector(videos, tmp_path, flag, capsys):
    arguments = [str(videos / "street.avi"), "--engine", "hold", flag, "--save-txt"]
    assert main([*arguments, str(tmp_path / "a.txt")]) == 2
    assert "is a recording, whose frames wait for the detector" in capsys.readouterr().err


def test_the_adaptive_interval_is_an_interval(videos, tmp_path):
    common = [videos / "street.avi", "--detections", videos / "det.txt", "--engine", "hold"]
    done = mvot_run(*common, "--detect-every", "auto", "--save-txt", tmp_path / "a.txt")
    assert done.returncode == 0, done.stderr
    assert "(auto)" in done.stdout

"""Live streams: what befalls one of four takes nothing from the others."""

import json
import os
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler

import cv2
import pytest

from helpers.pipelines import streams as servers
from helpers.pipelines.mvot_run import FRAMES
from helpers.pipelines.streams import MjpegServer, draw_number
from mvot_pipelines.config import RunConfig
from mvot_pipelines.sources.limits import LimitsConfig
from mvot_pipelines.streams import member
from mvot_pipelines.streams.runner import run_streams

RATE = 12.5
"""Frames a second: a frame waits for 80 ms, so that a busy machine drops none."""
FEW = 8
"""Frames, less than those of the second or more for which one of the streams is away."""
SLOW = """
import time
import numpy as np

def detect(image: np.ndarray):
    time.sleep(0.3)
    return [[10, 10, 40, 50]]

def detect_at_once(image: np.ndarray):
    return [[10, 10, 40, 50]]
"""


@pytest.fixture
def configure(videos, tmp_path):
    """Makes the settings of a live stream, by default of a recording that is played."""
    (tmp_path / "own.py").write_text(SLOW)

    def make(source=videos / "street.avi", detector="detect_at_once", **settings):
        return RunConfig(
            **{
                "source": str(source),
                "live": True,
                "frame_rate": RATE,
                "detector": f"{tmp_path / 'own.py'}:{detector}",
                "engine": "hold",
                "detect_every": 2,
                "save_jsonl": str(tmp_path / "{name}.jsonl"),
                "limits": LimitsConfig(silence=0.4, opening=2.0),
                "quiet": True,
                **settings,
            }
        )

    return make


@pytest.fixture(autouse=True, scope="module")
def warm(videos, tmp_path_factory):
    """First calls are slow, as the tests check types: live streams would drop frames."""
    folder = tmp_path_factory.mktemp("warm")
    (folder / "own.py").write_text(SLOW)
    given = {"source": str(videos / "street.avi"), "frames": 6, "detect_every": 2, "quiet": True}
    given |= {"detector": f"{folder / 'own.py'}:detect_at_once", "engine": "hold", "live": True}
    run_streams([RunConfig(**given, save_jsonl=str(folder / f"{n}.jsonl")) for n in range(2)])


def frames_of(folder, name):
    """The frames in the file of a stream, with their numbers and when each was captured."""
    rows = [json.loads(line) for line in (folder / f"{name}.jsonl").read_text().splitlines()]
    return sorted({(row["frame"], row["captured"]) for row in rows})


def run_with_three(configure, folder, broken, frames=25):
    """Run a stream with three recordings, which go on meanwhile; returns the report of the first.

    A recording drops no frame, but on a machine that is busy with other things, a few.
    """
    report = run_streams([broken, *(configure(frames=frames) for _ in range(3))])
    first, *others = report.reports
    for other in others:
        assert (other.error, other.frames) == (None, frames)
        assert other.dropped <= FEW
        written = frames_of(folder, other.name)
        assert len(written) == frames
        (start, started), (end, ended) = written[0], written[-1]
        assert end - start + 1 <= frames + FEW
        assert ended - started == pytest.approx((end - start) / RATE, abs=0.3)
    return first


def test_a_camera_that_stalls_for_longer_than_it_may_and_comes_back(configure, tmp_path):
    with MjpegServer(rate=RATE) as camera:
        threading.Timer(1.0, camera.silent.set).start()
        threading.Timer(2.2, camera.silent.clear).start()
        broken = configure(camera.url, name="cam", frames=20, reconnect=20.0)
        report = run_with_three(configure, tmp_path, broken, frames=35)
    assert (report.error, report.frames) == (None, 20)
    assert "was away once" in report.notes[0]


def test_a_camera_that_is_pulled_and_does_not_come_back(configure, tmp_path):
    with MjpegServer(rate=RATE) as camera:
        threading.Timer(1.0, camera.kill).start()
        broken = configure(camera.url, name="cam", reconnect=0.5)
        report = run_with_three(configure, tmp_path, broken)
    assert "went away and was not back after" in str(report.error)
    assert report.frames == len(frames_of(tmp_path, "cam")) > 2


@contextmanager
def serve_garbage(after):
    """A camera that sends so many images, and then bytes that mean nothing, for ever."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
            self.end_headers()
            for number in range(after):
                data = cv2.imencode(".jpg", draw_number(number))[1].tobytes()
                head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n"
                self.wfile.write(head.encode() + data + b"\r\n")
                time.sleep(0.5 / RATE)
            while True:
                self.wfile.write(os.urandom(4096))
                time.sleep(0.01)

        def log_message(self, *_):
            """Requests are not logged."""

    class Server(servers.ThreadingHTTPServer):
        daemon_threads, block_on_close = True, False

        def handle_error(self, *_):
            """A client that goes away is no error."""

    with Server(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/live"
        server.shutdown()


def test_a_camera_that_sends_garbage(configure, tmp_path):
    with serve_garbage(after=20) as url:
        broken = configure(url, name="cam", reconnect=0.0)
        report = run_with_three(configure, tmp_path, broken)
    assert report.error is not None
    assert report.frames == len(frames_of(tmp_path, "cam")) > 2


def test_a_camera_that_cannot_be_opened_at_first_and_comes_up_later(
    configure, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(member, "_PAUSE", 0.3)
    with MjpegServer(rate=RATE) as camera:
        camera.kill()
        threading.Timer(1.5, camera.start).start()
        broken = configure(camera.url, name="cam", frames=10, reconnect=20.0, quiet=False)
        report = run_with_three(configure, tmp_path, broken)
    assert (report.error, report.frames) == (None, 10)
    err = capsys.readouterr().err
    assert err.startswith("mvot-run: cam: http://127.0.0.1")
    assert "; it is tried again for 20 s" in err


def test_a_camera_that_never_comes_up(configure, tmp_path, monkeypatch):
    monkeypatch.setattr(member, "_PAUSE", 0.1)
    with MjpegServer(rate=RATE) as camera:
        camera.kill()
        broken = configure(camera.url, name="cam", reconnect=0.5)
        report = run_with_three(configure, tmp_path, broken)
    assert "http://127.0.0.1" in str(report.error)
    assert report.frames == 0
    assert not (tmp_path / "cam.jsonl").exists()


def test_a_file_that_is_not_there_is_no_camera_that_may_come_up(configure, tmp_path):
    with pytest.raises(Exception, match="no such file"):
        run_streams([configure("missing.mp4"), configure()])
    assert list(tmp_path.glob("*.jsonl")) == []


def test_cameras_that_are_away_at_first_share_no_output(configure, tmp_path):
    with MjpegServer() as one, MjpegServer() as two:
        one.kill()
        two.kill()
        shared = {"save_jsonl": str(tmp_path / "same.jsonl"), "reconnect": 0.3}
        with pytest.raises(Exception, match=r"would be written by several streams: put \{name\}"):
            run_streams([configure(one.url, **shared), configure(two.url, **shared)])


def test_a_slow_detector_is_shared_out_evenly_and_no_stream_waits_for_it(configure, tmp_path):
    settings = {"detector": "detect", "detect_every": 1}
    report = run_streams([configure(**settings) for _ in range(4)])
    for stream in report.reports:
        assert (stream.error, stream.frames + stream.dropped) == (None, FRAMES)
        assert stream.dropped <= FEW
        assert stream.latency(0.5) < 300  # milliseconds: less than a call of the detector
    calls = [stream.detector_calls for stream in report.reports]
    assert max(calls) - min(calls) <= 1
    assert sum(calls) == pytest.approx(FRAMES / RATE / 0.3, abs=4)


def test_streams_that_wait_for_a_slow_detector_drop_frames_evenly(configure):
    settings = {"detector": "detect", "detect_every": 1, "asynchronous": "wait"}
    report = run_streams([configure(**settings) for _ in range(2)])
    frames = [stream.frames for stream in report.reports]
    assert [s.frames + s.dropped for s in report.reports] == [FRAMES] * 2
    assert max(frames) - min(frames) <= 2

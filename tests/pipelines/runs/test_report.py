"""The report of a run: its summary, and what it says of live runs."""

import math

import numpy as np
import pytest

from mvot_pipelines import progress
from mvot_pipelines.config import RunConfig
from mvot_pipelines.loading import name_detector
from mvot_pipelines.progress import Progress
from mvot_pipelines.report import RunReport
from mvot_plugin.detectors import OnnxDetector, ReplayDetector, UltralyticsDetector
from mvot_plugin.types import Frame, Tracks

IMAGE = np.zeros((8, 8, 3), np.uint8)


class OwnDetector:
    def __call__(self, frame):
        raise NotImplementedError


def start_report(**settings):
    return RunReport(
        name="a.mp4", engine="hold", detector="own", detect_every=5, frame_rate=25.0, **settings
    )


def frame(captured=math.nan):
    return Frame(image=IMAGE, index=0, timestamp=0.0, captured=captured)


def read_row(report, stage):
    lines = [line.split() for line in report.summary().splitlines()]
    return next(line[1:] for line in lines if line[:1] == [stage])


def test_frames_per_second_are_those_of_the_whole_run():
    report = start_report(frames=50, seconds=2.0)
    report.timer.add("motion", 0.5)
    assert "50 frames in 2.0 s (25 fps" in report.summary()
    assert read_row(report, "total") == ["40.00"]
    assert read_row(report, "motion") == ["10.00", "500.00", "1", "25%"]


def test_a_stage_in_another_thread_shows_its_work_and_what_the_tracker_waited():
    report = start_report(frames=10, seconds=2.0)
    report.time_thread().add("detect", 1.5)
    report.timer.add("detect", 0.5)
    report.timer.add("motion", 1.0)
    assert report.work("detect") == 1.5
    assert report.work("motion") == 1.0
    assert read_row(report, "detect") == ["150.00", "1500.00", "1", "75%", "25%"]
    assert read_row(report, "motion") == ["100.00", "1000.00", "1", "50%"]


def test_a_run_without_frames_has_a_summary():
    assert "0 frames in 0.0 s (0 fps" in start_report().summary()


def test_latency_is_counted_from_capture_to_writing(monkeypatch):
    monkeypatch.setattr(progress, "_count_columns", lambda: 200)
    report = start_report(is_live=True, dropped=7, detector_calls=1)
    for milliseconds in range(1, 101):
        report.count(frame(captured=10.0), Tracks.empty(), 10.0 + milliseconds / 1e3)
    assert report.latency(0.5) == 50
    assert report.latency(0.95) == 95
    line = (
        "100 frames seen, 7 dropped; 1 detector calls; "
        "latency 50 ms (median), 95 ms (95th percentile)"
    )
    assert f"live: {line}" in report.summary()
    assert line in Progress(report, None, quiet=True)._format_status(3)


def test_memory_for_latencies_is_bounded():
    report = start_report(is_live=True)
    for seconds in (-1.0, 60.0, 61.0, 1e9):
        report.count(frame(captured=0.0), Tracks.empty(), seconds)
    assert report.latencies == {0: 1, 60_000: 3}


@pytest.mark.parametrize("is_live", [False, True])
def test_a_recording_says_nothing_of_latency(is_live):
    report = start_report(is_live=is_live)
    report.count(frame(), Tracks.empty(), 5.0)
    assert report.frames == 1
    assert not report.latencies
    assert ("latency" in report.summary()) == is_live
    assert ("latency" in Progress(report, None, quiet=True)._format_status(0)) == is_live


@pytest.mark.parametrize(
    ("is_live", "quiet", "lines"), [(True, False, 1), (True, True, 0), (False, False, 0)]
)
def test_what_happens_in_a_live_run_is_told_at_once(is_live, quiet, lines, capsys):
    with Progress(start_report(is_live=is_live), None, quiet=quiet) as line:
        line.tell("camera 0 went away")
    assert capsys.readouterr().err.count("mvot-run: camera 0 went away\n") == lines


@pytest.mark.parametrize(
    ("settings", "kind", "name"),
    [
        ({}, UltralyticsDetector, "yolo11n"),
        ({}, OnnxDetector, "detector-n (packaged)"),
        ({"detector": "packaged"}, OnnxDetector, "detector-n (packaged)"),
        ({"detector": "models/best.pt"}, UltralyticsDetector, "best.pt"),
        ({"detector": "models/best.onnx"}, OnnxDetector, "best.onnx"),
        ({"detector": "my_module:detect"}, OwnDetector, "my_module:detect"),
        ({"detections": "sequence/det.txt"}, ReplayDetector, "det.txt"),
    ],
)
def test_the_detector_that_runs_is_named(settings, kind, name):
    assert name_detector(RunConfig(**settings), kind.__new__(kind)) == name


@pytest.mark.parametrize(
    ("found", "failures", "reason"),
    [
        (0, 0, "the detector found nothing"),
        (0, 1, "the detector found nothing"),
        (0, 2, "the detector has not answered"),
        (9, 0, "too few or too unsure"),
    ],
)
def test_a_run_without_tracks_says_why(found, failures, reason):
    report = start_report(frames=10, detector_calls=2, detections=found, detector_failures=failures)
    assert "nothing was tracked" in report.summary()
    assert reason in report.summary()
    report.boxes = 1
    assert "nothing was tracked" not in report.summary()

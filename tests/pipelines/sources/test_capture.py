import subprocess
import sys
import time
from collections.abc import Callable
from itertools import chain, count, pairwise, repeat
from pathlib import Path
from unittest.mock import Mock

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mvot_pipelines.sources import capture, open_source
from mvot_pipelines.sources.limits import LimitsConfig
from mvot_plugin.errors import InputError


def make_cut_video(path: Path, codec: str) -> Path:
    """Noise, of which the file holds the first 24 frames of 40."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*codec), 10, (64, 48))
    for seed in range(40):
        writer.write(np.random.default_rng(seed).integers(0, 255, (48, 64, 3), np.uint8))
    writer.release()
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * 0.6)])
    return path


def fake_capture(reads: list[bool]) -> Mock:
    """Reads that succeed or fail as scripted, and always fail afterwards."""
    image = np.zeros((48, 64, 3), np.uint8)
    answers = chain(((good, image if good else None) for good in reads), repeat((False, None)))
    return Mock(spec=cv2.VideoCapture, read=Mock(side_effect=answers))


@given(st.lists(st.floats(), max_size=40))
def test_times_increase_strictly_whatever_the_container_says(measured):
    timeline = capture.Timeline(25.0, forced=False)
    times = [timeline.timestamp(index, value) for index, value in enumerate(measured)]
    assert all(a < b for a, b in pairwise(times))


def test_ffmpeg_adds_no_noise_and_the_environment_stays_as_it_was(tmp_path):
    bad = make_cut_video(tmp_path / "bad.mp4", "mp4v")
    short = make_cut_video(tmp_path / "short.avi", "XVID")
    script = (
        "import os, sys\n"
        "from mvot_pipelines.sources import open_source\n"
        "before = dict(os.environ)\n"
        "for path in sys.argv[1:]:\n"
        "    try: list(open_source(path))\n"
        "    except Exception as error: print(type(error).__name__)\n"
        "assert dict(os.environ) == before\n"
    )
    command = [sys.executable, "-c", script, str(bad), str(short)]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["InputError", "TruncatedError"]
    assert run.stderr == ""


def test_a_forced_rate_gives_the_times_whatever_was_measured():
    timeline = capture.Timeline(4.0, forced=True)
    assert [timeline.timestamp(index, 99.0) for index in range(3)] == [0, 0.25, 0.5]


@pytest.mark.parametrize(
    "address", ["rtsp://me:secret@host:554/live?token=abc", "rtsp://host:554/live"]
)
def test_an_address_is_shown_without_secrets(address):
    assert capture.hide_secrets(address) == "rtsp://host:554/live"


def test_a_video_of_no_frames_is_refused_by_name(tmp_path):
    path = tmp_path / "clip.avi"
    cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, (64, 48)).release()
    with pytest.raises(InputError, match=r"clip\.avi"):
        open_source(path)
    with pytest.raises(InputError, match=r"clip\.avi has no frame that can be decoded: check"):
        capture.read_first_image(fake_capture([]), "clip.avi", LimitsConfig())


def decoded_indices(reads: list[bool], clock: Callable[[], float] = time.monotonic) -> list[int]:
    frames = capture.decode_frames(fake_capture(reads), LimitsConfig(), clock)
    return [place for place, _ in frames]


def test_failed_reads_are_skipped_but_counted():
    assert decoded_indices([True, *[False] * 299, True, False, True]) == [0, 300, 302]
    assert decoded_indices([True, *[False] * 300, True]) == [0]


def test_reading_ends_after_a_timeout_without_frames():
    clock = count()
    assert decoded_indices([True, *[False] * 2, True], clock=lambda: float(next(clock))) == [0, 3]
    assert decoded_indices([True, *[False] * 20, True], clock=lambda: float(next(clock))) == [0]


def test_the_first_frame_may_take_longer_than_the_others():
    reads, clock = [*[False] * 3, True, *[False] * 3, True], count()
    limits = LimitsConfig(opening=5.0, silence=2.0)
    frames = capture.decode_frames(fake_capture(reads), limits, lambda: float(next(clock)))
    assert [place for place, _ in frames] == [3]


def test_a_text_file_is_no_video_though_ffmpeg_would_render_it(tmp_path):
    path = tmp_path / "det.txt"
    path.write_text("1,-1,10,20,30,40,1\n" * 50)
    with pytest.raises(InputError, match=r"det\.txt is not a video but a text file"):
        open_source(path)


def test_time_goes_on_when_the_clock_of_a_video_is_set_back_or_days_ahead():
    timeline = capture.Timeline(10.0, forced=False)
    measured = [500.0, 500.1, 0.0, 0.1, 1e12, 1e12 + 0.1, float("inf"), 0.0, 0.5]
    times = [timeline.timestamp(index, value) for index, value in enumerate(measured)]
    assert times == pytest.approx([500, 500.1, 500.2, 500.3, 500.4, 500.5, 500.6, 500.7, 501.2])


def test_a_few_frames_out_of_order_do_not_shift_the_times_after_them():
    timeline = capture.Timeline(10.0, forced=False)
    times = [timeline.timestamp(index, value) for index, value in enumerate([0.0, 0.3, 0.1, 0.4])]
    assert times == pytest.approx([0, 0.3, 0.301, 0.4])

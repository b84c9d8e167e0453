"""What mvot-run takes of a source, and where its outputs go: tried with real runs."""

import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import termios
from itertools import pairwise

import numpy as np
import pytest

from helpers.pipelines.mvot_run import COMMAND, FRAMES
from mvot_pipelines import runner
from mvot_pipelines.cli import main
from mvot_pipelines.sources import VideoSource
from mvot_pipelines.sources.reading import count_selected, select_frames
from mvot_plugin.types import Frame


@pytest.fixture
def run(videos, tmp_path, monkeypatch, capfd):
    """Runs mvot-run on the video of a street in this process; returns code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        source = [videos / "street.avi", "--detections", videos / "det.txt", "--engine", "hold"]
        code = main([str(argument) for argument in (*source, *arguments)])
        return code, *capfd.readouterr()

    return call


def read_lines(text):
    return [json.loads(line) for line in text.splitlines()]


def test_an_existing_output_is_replaced_only_where_asked(run, tmp_path, monkeypatch):
    kept = tmp_path / "a.txt"
    kept.write_text("mine")
    with monkeypatch.context() as patched:
        patched.delattr(runner, "load_configured_detector")  # it may be downloaded, or take long
        code, out, err = run("--save-txt", "a.txt")
    assert (code, out) == (2, "")
    assert err == (
        "mvot-run: --save-txt a.txt exists: add --overwrite to replace it, or choose another name\n"
    )
    assert kept.read_text() == "mine"
    assert run("--save-txt", "a.txt", "--overwrite")[0] == 0
    assert kept.read_text().startswith("1,1,")


def test_default_outputs_are_not_replaced_either(run):
    assert run("--frames", 3)[0] == 0
    code, _, err = run("--frames", 3)
    assert code == 2
    assert "street-tracks.txt exists" in err


def test_tracks_on_the_standard_output_stand_alone_there(run, tmp_path):
    code, out, err = run("--save-jsonl", "-", "--frames", 7)
    assert code == 0
    lines = read_lines(out)
    assert {line["frame"] for line in lines} == set(range(7))
    assert "7 frames in" in err
    assert list(tmp_path.iterdir()) == []
    assert run("--save-txt", "-", "--frames", 2)[1].startswith("1,1,")
    assert run("--publish", "-", "--frames", 7, "--quiet") == (0, out, "")


def test_one_output_alone_can_be_the_standard_output(run):
    code, _, err = run("--save-txt", "-", "--publish", "-")
    assert code == 2
    assert "only one output can be -" in err


def test_frames_without_tracks_leave_a_line(run):
    _, out, err = run("--save-jsonl", "-", "--frames", 3, "--conf", 2)
    assert read_lines(out) == [
        {"frame": index, "timestamp": pytest.approx(index / 25), "tracks": 0} for index in range(3)
    ]
    assert "nothing was tracked, since the detector found nothing: check --classes" in err


def test_lines_and_zones_are_counted_in_json(run, tmp_path):
    (tmp_path / "zones.yaml").write_text("left: [[0, 0], [0.5, 0], [0.5, 1], [0, 1]]")
    options = "--save-jsonl", "-", "--count-line", "mid=0.5,1,0.5,0", "--zone", "zones.yaml"
    lines = read_lines(run(*options)[1])
    counts = [line["counts"] for line in lines if "counts" in line]
    assert len(counts) == FRAMES
    assert [(one["name"], one["kind"]) for one in counts[-1]] == [("mid", "line"), ("left", "zone")]
    assert max(one[1]["inside"] for one in counts) > 0


def test_a_part_of_a_recording(run):
    options = "--save-jsonl", "-", "--start", "0:00.4", "--stride", 3, "--frames", 5
    _, out, err = run(*options, "--detect-every", 2)
    lines = read_lines(out)
    assert sorted({line["frame"] for line in lines}) == [10, 13, 16, 19, 22]
    detected = sorted({line["frame"] for line in lines if line.get("state") == "detected"})
    assert detected == [10, 13, 19], "the first, and those after each sixth of the source"
    assert "the video has 8.33" in err


def test_of_a_live_source_frames_are_left_out_too(run):
    lines = read_lines(run("--save-jsonl", "-", "--live", "--stride", 4, "--frames", 3)[1])
    taken = sorted({line["frame"] for line in lines})
    assert len(taken) == 3
    assert all(later - before >= 4 for before, later in pairwise(taken)), taken


def test_a_start_beyond_the_end_is_told(run, tmp_path):
    code, _, err = run("--start", "1:00:00", "--save-txt", "a.txt")
    assert code == 2
    assert err == "mvot-run: --start 3600 is beyond the end of street.avi: begin earlier\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--stride", 0), "--stride must be 1 or more"),
        (("--start", -1), "--start must be 0 or more"),
        (("--start", "1:xx"), "invalid time value: '1:xx'"),
        (("--frames", 0), "--frames must be 1 or more"),
        (("--start", 1, "--live"), "--start needs a recording, and street.avi is live"),
        (("--show", "more.mp4"), "--show shows one source: watch several in a browser"),
        (("--serve", 70000), "--serve must be 65535 or less"),
        (("--count-line", "1,2,3"), "--count-line '1,2,3': write x1,y1,x2,y2"),
        (("--zone", "none.json"), "--zone none.json cannot be read"),
        (("--publish", "nowhere"), "--publish 'nowhere': write -"),
    ],
)
def test_what_is_wrong_is_one_sentence(run, options, message):
    code, out, err = run(*options, "--save-txt", "x.txt")
    assert code in (1, 2)
    assert out == ""
    assert err.startswith("mvot-run: ")
    assert err.count("\n") == 1
    assert message in err


def test_classes_are_kept_apart(run, monkeypatch):
    from mvot_pipelines import cli

    seen = []
    monkeypatch.setattr(cli, "_track", lambda config, file: seen.append(config) or 0)
    run("--per-class")
    run()
    assert [config.pipeline.affinity.other_class for config in seen] == [0.0, 0.2]


def test_frames_are_selected_with_their_own_numbers(videos):
    with VideoSource(videos / "street.avi") as source:
        for start, stride, count in ((0, 1, None), (0.5, 4, 3), (0.31, 7, None), (99, 1, None)):
            part = source.select(start=start, stride=stride, count=count)
            taken = [frame.index for frame in part]
            wanted = [index for index in range(FRAMES) if index / 25 >= start][::stride][:count]
            assert taken == wanted
            expected = count_selected(FRAMES, 25.0, float(start), stride, count)
            assert expected == len(wanted)


def test_where_frames_are_missing_the_next_ones_are_taken():
    image = np.zeros((8, 8, 3), np.uint8)
    frames = [Frame(image=image, index=n, timestamp=n / 25) for n in (0, 1, 2, 4, 5, 6, 7, 9)]
    assert [frame.index for frame in select_frames(frames, stride=3)] == [0, 4, 7]


@pytest.mark.parametrize("options", [(), ("--live",)])
def test_the_progress_line_fits_a_terminal_of_80_columns(videos, tmp_path, options):
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    name = tmp_path / "a_video_whose_name_is_longer_than_a_line_can_hold.avi"
    name.write_bytes((videos / "street.avi").read_bytes())
    done = subprocess.Popen(
        [COMMAND, name, "--detections", videos / "det.txt", "--save-txt", tmp_path / "x", *options],
        stderr=theirs,
        stdout=subprocess.DEVNULL,
    )
    os.close(theirs)
    printed = b""
    try:
        while part := os.read(ours, 4096):
            printed += part
    except OSError:  # the other end is closed
        pass
    os.close(ours)
    assert done.wait() == 0
    lines = re.split(r"[\r\n]+", re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", printed.decode()))
    assert max(len(line.rstrip()) for line in lines) <= 80
    assert any(re.search(r"latency \d+ ms$", line.rstrip()) for line in lines) == bool(options)
    assert any("a_video_..hold.avi:" in line for line in lines), lines

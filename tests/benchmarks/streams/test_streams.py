"""The command `mvot-bench streams`."""

import json
import sys
from functools import partial
from pathlib import Path

import cv2
import pytest

from mvot_benchmarks.cli import main
from mvot_benchmarks.commands.cost import stream_parts
from mvot_benchmarks.reporting.report import KINDS
from mvot_benchmarks.streams.clips import render_clip
from mvot_benchmarks.streams.comparison import CommandBenchmark
from mvot_benchmarks.streams.results import EACH, TOGETHER

SMALL = ("--size", "160x120", "--seconds", "0.2")


@pytest.fixture
def clips(tmp_path):
    """Two videos of eight frames."""
    paths = [tmp_path / "left.mp4", tmp_path / "right.mp4"]
    for seed, path in enumerate(paths):
        render_clip(path, size=(320, 240), frames=8, targets=3, seed=seed)
    return [str(path) for path in paths]


@pytest.fixture
def with_stand_in(stand_in, monkeypatch):
    """The command runs the stand-in."""
    commands = {"run_command": stand_in, "cluster_command": stand_in}
    benchmark = partial(CommandBenchmark, **commands)
    monkeypatch.setattr(stream_parts, "CommandBenchmark", benchmark)


def streams(*arguments):
    return main(["streams", *map(str, arguments)])


def test_streams_per_core_are_measured_from_each_detector(tmp_path, capsys):
    options = "--engine", "hold", "--targets", 2, "--detect-every", 3, "--frames", 6
    file, plot = tmp_path / "a.json", tmp_path / "a.png"
    assert streams("--measure", "cost", *options, *SMALL, "--json", file, "--plot", plot) == 0
    table = capsys.readouterr().out
    assert "| streams per core at 25 fps | k = 3 |" in table
    assert "| hold, packaged, N = 2 |" in table
    stored = json.loads(file.read_text())
    assert stored["complete"]
    assert "cpu" in stored["environment"]
    by_detector = {row["cost"]["detector"]: row["cost"]["stages"] for row in stored["rows"]}
    assert by_detector["packaged"]["detect"] > 5 * by_detector["replay"]["detect"]
    assert cv2.imread(str(plot)).shape[1] > 300


def test_mvot_run_tracks_the_same_in_one_process_as_in_several(clips, tmp_path):
    options = "--detect-every", "4", "--engine", "hold", "--detector", "packaged"
    benchmark = CommandBenchmark(folder=tmp_path, options=options)
    together, each = (
        benchmark.track_cameras(way, list(map(Path, clips)), 2, 1) for way in (TOGETHER, EACH)
    )
    assert together.frames == each.frames == 16
    assert 0 < together.tracking < together.seconds
    assert together.digests == each.digests
    assert len(set(each.digests)) == 2


@pytest.mark.usefixtures("with_stand_in")
def test_without_videos_rendered_ones_are_tracked_and_a_run_is_continued(tmp_path, capsys):
    file = tmp_path / "a.json"
    options = "--measure", "processes", "memory", "--rounds", 2, "--streams", 1, 3
    assert streams(*options, *SMALL, "--json", file) == 0
    rows = json.loads(file.read_text())["rows"]
    ways = [(row["part"], row["run"]["way"], row["run"]["round"]) for row in rows]
    one, each = "one process", "a process a camera"
    assert ways == [
        ("processes", one, 0), ("processes", each, 0), ("processes", one, 1),
        ("processes", each, 1), ("processes", each, 2), ("processes", one, 2),
        ("memory", one, 0), ("memory", one, 0),
    ]  # fmt: skip
    assert len(set(rows[0]["run"]["digests"])) == 4
    first = capsys.readouterr()
    assert streams(*options, *SMALL, "--json", file) == 0
    again = capsys.readouterr()
    assert again.out == first.out
    assert again.err.count(f"(from {file})") == len(rows)


@pytest.mark.usefixtures("with_stand_in")
def test_the_cluster_is_measured_in_rounds_where_ray_is_installed(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(stream_parts, "require_module", lambda *_: None)
    options = "--measure", "cluster", "--rounds", 2, "--workers", 1, 2
    assert streams(*options, *SMALL, "--json", tmp_path / "a.json") == 0
    rows = json.loads((tmp_path / "a.json").read_text())["rows"]
    assert [(row["run"]["way"], row["run"]["workers"]) for row in rows] == [
        ("mvot-run", 1), ("mvot-cluster", 1), ("mvot-cluster", 2),
        ("mvot-cluster", 2), ("mvot-cluster", 1), ("mvot-run", 1),
    ]  # fmt: skip
    assert "| mvot-cluster | 2 |" in capsys.readouterr().out


def test_the_cluster_is_skipped_with_a_sentence_without_ray(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    assert streams("--measure", "cluster") == 0
    printed = capsys.readouterr()
    assert printed.err == ("skipped: the part cluster needs ray: pip install 'mvot-plugin[ray]'\n")
    assert printed.out == ""


@pytest.mark.usefixtures("with_stand_in")
def test_other_tracks_in_one_process_are_an_error_after_the_table(clips, capsys):
    options = "--rounds", 1, "--run-options", "--mixed-up --sleep 0"
    assert streams(*clips, "--measure", "processes", *options) == 1
    printed = capsys.readouterr()
    assert "1 of 2 the same" in printed.out
    last = printed.err.splitlines()[-1]
    assert "not the same tracks in one process and in several: a process a camera" in last


@pytest.mark.usefixtures("with_stand_in")
def test_what_was_measured_is_printed_where_a_command_fails(clips, capsys):
    options = "--streams", 1, "--rounds", 1, "--run-options", "--fail broken --sleep 0"
    cost = "--engine", "hold", "--targets", 2, "--detect-every", 1, "--frames", 2
    assert streams(*clips, "--measure", "cost", "memory", *options, *cost, *SMALL) == 1
    printed = capsys.readouterr()
    assert "| hold, replay, N = 2 |" in printed.out
    assert printed.err.splitlines()[-1].endswith("mvot-run: broken")


def test_results_have_a_place_in_reports():
    assert "streams" in KINDS


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--measure", "costs"], "unknown part 'costs': did you mean 'cost'?"),
        (["--targets", "0"], "--targets 0: must be 1 or more"),
        (["--workers", "0"], "--workers 0: must be 1 or more"),
        (["--rounds", "0"], "--rounds 0: must be 1 or more"),
        (["--fps", "0"], "--fps 0: must be above 0"),
        (["--seconds", "inf"], "--seconds inf: must be above 0"),
        (["--frames", "30"], "--frames 30: too few for --detect-every 20; it takes two intervals"),
        (["--size", "640"], "--size '640': a size is WIDTHxHEIGHT"),
        (["--run-options", "--detector 'a b"], '--run-options "--detector \'a b": No closing'),
    ],
)
def test_a_bad_option_gets_a_sentence(options, sentence, capsys):
    assert streams(*options) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert sentence in line


def test_a_missing_video_gets_a_sentence(tmp_path, capsys):
    assert streams(tmp_path / "nothing.mp4") == 1
    assert "nothing.mp4: no such file" in capsys.readouterr().err

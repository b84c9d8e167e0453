"""`mvot-cluster` on a local Ray: the same tracks as in one process, whatever happens."""

import json
import threading
import time

import numpy as np
import pytest

from helpers.pipelines.streams import MjpegServer
from mvot_pipelines.cli import main as mvot_run
from mvot_pipelines.cluster.cli import main

pytestmark = pytest.mark.usefixtures("ray_cluster")

DYING = """
import os, signal
from pathlib import Path
import numpy as np

ROWS = np.loadtxt({rows!r}, delimiter=",")
TRACE, TIMES = Path({trace!r}), {times}

def detect(frame):
    if frame.index == 135 and len(list(TRACE.iterdir())) < TIMES:
        (TRACE / str(os.getpid())).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    here = ROWS[ROWS[:, 0] == frame.index + 1][:, 2:6]
    here[:, :2] -= 1
    return np.concatenate([here[:, :2], here[:, :2] + here[:, 2:]], 1)
"""
"""A detector that replays detections, and kills its process on frame 135, a few times."""


def cluster(*arguments):
    return main([*map(str, arguments), "--workers", "2", "--overwrite"])


def read(path):
    return np.loadtxt(path, delimiter=",", ndmin=2)


@pytest.fixture
def dying(street, tmp_path):
    """Writes the detector; returns its name."""

    def write(times):
        trace = tmp_path / f"trace-{times}"
        trace.mkdir()
        path = tmp_path / f"dying{times}.py"
        rows = str(street / "det.txt")
        path.write_text(DYING.format(rows=rows, trace=str(trace), times=times))
        return f"{path}:detect", trace

    return write


def test_pieces_give_the_rows_of_the_unbroken_run(street, tmp_path, capsys):
    run = (street / "long.mp4", "--detections", street / "det.txt", "--overwrite")
    whole, joined = tmp_path / "whole.txt", tmp_path / "joined.txt"
    assert mvot_run([*map(str, run), "--save-txt", str(whole)]) == 0
    capsys.readouterr()
    code = cluster(
        *run, "--piece", 2.5, "--overlap", 1, "--save-txt", joined,
        "--save-jsonl", tmp_path / "joined.jsonl",
    )  # fmt: skip
    shown = capsys.readouterr()
    assert code == 0, shown.err
    assert "250 frames" in shown.out
    assert "4 pieces" in shown.out
    assert "read from the beginning" not in shown.out
    assert f"saved {joined}" in shown.out
    a, b = read(whole), read(joined)
    assert len(a) == len(b)
    assert np.allclose(a[:, [0, 2, 3, 4, 5]], b[:, [0, 2, 3, 4, 5]], atol=2)
    pairs = {(int(x), int(y)) for x, y in zip(a[:, 1], b[:, 1], strict=True)}
    assert len(pairs) == len(set(a[:, 1])) == len(set(b[:, 1]))
    lines = [json.loads(line) for line in (tmp_path / "joined.jsonl").read_text().splitlines()]
    assert sorted({line["frame"] for line in lines}) == list(range(250))
    assert all(line["timestamp"] == round(line["frame"] / 25, 6) for line in lines)


def test_one_piece_is_the_unbroken_run_byte_for_byte(street, tmp_path):
    run = (str(street / "long.mp4"), "--detections", str(street / "det.txt"), "--overwrite")
    whole, joined = tmp_path / "whole", tmp_path / "joined"
    for kind in ("txt", "jsonl"):
        assert mvot_run([*run, "--quiet", f"--save-{kind}", f"{whole}.{kind}"]) == 0
        assert cluster(*run, "--quiet", f"--save-{kind}", f"{joined}.{kind}") == 0
        content = [path.with_suffix(f".{kind}").read_bytes() for path in (whole, joined)]
        assert content[0] == content[1]


def test_a_worker_that_is_killed_half_way_changes_nothing(street, dying, tmp_path, capsys):
    outputs = []
    for times in (0, 1):
        detector, trace = dying(times)
        outputs.append(tmp_path / f"{times}.txt")
        code = cluster(
            street / "long.mp4", "--detector", detector, "--save-txt", outputs[-1],
            "--piece", 2.5, "--overlap", 1,
        )  # fmt: skip
        shown = capsys.readouterr()
        assert code == 0, shown.err
        assert len(list(trace.iterdir())) == times
    assert "died" in shown.err
    assert "nothing is missing" in shown.out
    assert outputs[0].read_bytes() == outputs[1].read_bytes()
    assert set(read(outputs[0])[:, 0]) == set(range(1, 251))


def test_a_piece_on_which_every_worker_dies_ends_with_one_sentence(
    street, dying, tmp_path, capsys
):
    detector, trace = dying(100)
    code = cluster(
        street / "long.mp4", "--detector", detector, "--save-txt", tmp_path / "a.txt",
        "--piece", 2.5, "--overlap", 1, "--tries", 2,
    )  # fmt: skip
    shown = capsys.readouterr()
    assert code == 1
    assert "2 workers ended while they tracked frames" in shown.err
    assert len(list(trace.iterdir())) == 2 or len(list(trace.iterdir())) == 4
    rows = read(tmp_path / "a.txt")
    assert 0 < rows[:, 0].max() < 136


def test_what_a_detector_raises_ends_behind_the_frames_before(street, tmp_path, capsys):
    path = tmp_path / "failing.py"
    path.write_text(
        "import numpy as np\n"
        "def detect(frame):\n"
        "    if frame.index == 100:\n"
        "        raise RuntimeError('no more')\n"
        "    return np.array([[50.0, 50, 80, 120]])\n"
    )
    code = cluster(
        street / "long.mp4", "--detector", f"{path}:detect", "--save-txt", tmp_path / "a.txt",
        "--piece", 2.5, "--overlap", 1,
    )  # fmt: skip
    shown = capsys.readouterr()
    assert code == 1
    assert "the detector failed on frame 100 (RuntimeError: no more)" in shown.err
    assert read(tmp_path / "a.txt")[:, 0].max() == 100


def test_what_workers_cannot_load_is_one_sentence(street, capsys, tmp_path):
    code = cluster(street / "long.mp4", "--detector", "missing.onnx", "--save-txt", tmp_path / "a")
    shown = capsys.readouterr()
    assert code in (1, 2)
    assert shown.err.count("\n") == 1
    assert "missing.onnx" in shown.err
    assert not (tmp_path / "a").exists()


def test_more_than_the_cluster_has_is_refused(street, capsys, tmp_path):
    out = ("--save-txt", tmp_path / "a")
    assert cluster(street / "long.mp4", "--detections", street / "det.txt", "--cpus", 64, *out) == 2
    assert "no machine of the cluster has --cpus 64" in capsys.readouterr().err


def test_several_recordings_are_written_each_to_its_own_file(street, tmp_path, capsys):
    run = ("--detections", street / "det.txt", "--engine", "kalman")
    sources = (street / "street.avi", street / "long.mp4")
    code = cluster(*sources, *run, "--save-txt", tmp_path / "{name}.txt", "--piece", 4)
    shown = capsys.readouterr()
    assert code == 0, shown.err
    assert "2 streams: 500 frames" in shown.out
    assert set(read(tmp_path / "street.txt")[:, 0]) == set(range(1, 251))
    assert set(read(tmp_path / "long.txt")[:, 0]) == set(range(1, 251))


LIVE = """
import os, signal
from pathlib import Path
import numpy as np

TRACE = Path({trace!r})

def detect(frame):
    if frame.index > 30 and not TRACE.exists():
        TRACE.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return np.array([[8.0, 8, 30, 40]])
"""


def test_live_streams_go_on_where_their_worker_dies(tmp_path, capsys):
    path = tmp_path / "live.py"
    path.write_text(LIVE.format(trace=str(tmp_path / "trace")))
    with MjpegServer(rate=25.0) as one, MjpegServer(rate=25.0) as other:
        for server in (one, other):
            threading.Timer(8.0, server.kill).start()
        code = cluster(
            one.url, other.url, "--detector", f"{path}:detect", "--reconnect", 0,
            "--save-jsonl", tmp_path / "{name}.jsonl",
        )  # fmt: skip
        time.sleep(0.1)
    shown = capsys.readouterr()
    assert code == 1  # both streams were lost in the end
    assert "died; it is opened again" in shown.err
    files = sorted(tmp_path.glob("*.jsonl"))
    assert len(files) == 2
    for file in files:
        lines = [json.loads(line) for line in file.read_text().splitlines()]
        frames = [line["frame"] for line in lines]
        assert frames == sorted(set(frames))
        times = [line["timestamp"] for line in lines]
        assert times == sorted(set(times))
        assert all(0 <= line["delay"] < 5 for line in lines)
    ids = [{line.get("id") for line in map(json.loads, f.read_text().splitlines())} for f in files]
    assert max(len(found - {None}) for found in ids) == 2

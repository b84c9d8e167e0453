"""`mvot-cluster` on a local Ray: the same tracks as in one process, whatever happens."""

import json
import os
import signal
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


def cluster(arguments):
    return main([*map(str, arguments), "--workers", "2", "--overwrite"])


def read(path):
    return np.loadtxt(path, delimiter=",", ndmin=2)


def pair_up(rows, others):
    """The id of the nearest box on the same frame, for each id; -1 where it is not one."""
    found = {}
    for row in rows:
        here = others[others[:, 0] == row[0]]
        nearest = here[np.abs(here[:, 2:6] - row[2:6]).max(1).argmin(), 1]
        found[row[1]] = nearest if found.get(row[1], nearest) == nearest else -1
    return found


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
    code = cluster([
        *run, "--piece", 2.5, "--overlap", 1, "--save-txt", joined,
        "--save-jsonl", tmp_path / "joined.jsonl",
    ])  # fmt: skip
    shown = capsys.readouterr()
    assert code == 0, shown.err
    assert "250 frames" in shown.out
    assert "4 pieces" in shown.out
    assert "read from the beginning" not in shown.out
    assert f"saved {joined}" in shown.out
    a, b = read(whole), read(joined)
    assert len(a) == len(b)
    assert pair_up(a, b) == {one: one for one in set(a[:, 1].tolist())}
    lines = [json.loads(line) for line in (tmp_path / "joined.jsonl").read_text().splitlines()]
    assert sorted({line["frame"] for line in lines}) == list(range(250))
    assert all(line["timestamp"] == round(line["frame"] / 25, 6) for line in lines)


def test_one_piece_is_the_unbroken_run_byte_for_byte(street, tmp_path):
    run = [str(street / "long.mp4"), "--detections", str(street / "det.txt"), "--quiet"]
    run += ["--frames", "100"]
    for name, command in (("whole", mvot_run), ("joined", cluster)):
        outputs = (f"--save-{kind}={tmp_path / name}.{kind}" for kind in ("txt", "jsonl"))
        assert command([*run, *outputs]) == 0
    for kind in ("txt", "jsonl"):
        whole, joined = (tmp_path / f"{name}.{kind}" for name in ("whole", "joined"))
        assert whole.read_bytes() == joined.read_bytes()


def test_a_worker_that_is_killed_half_way_changes_nothing(street, dying, tmp_path, capsys):
    outputs = []
    for times in (0, 1):
        detector, trace = dying(times)
        outputs.append(tmp_path / f"{times}.txt")
        code = cluster([
            street / "long.mp4", "--detector", detector, "--save-txt", outputs[-1],
            "--piece", 2.5, "--overlap", 1,
        ])  # fmt: skip
        shown = capsys.readouterr()
        assert code == 0, shown.err
        assert len(list(trace.iterdir())) == times
    assert "died" in shown.err
    assert "nothing is missing" in shown.out
    assert outputs[0].read_bytes() == outputs[1].read_bytes()
    assert set(read(outputs[0])[:, 0]) == set(range(1, 251))


def test_a_piece_on_which_every_worker_dies_ends_with_one_sentence(street, dying, tmp_path, capsys):
    detector, trace = dying(100)
    code = cluster([
        street / "long.mp4", "--detector", detector, "--save-txt", tmp_path / "a.txt",
        "--piece", 2.5, "--overlap", 1, "--tries", 2,
    ])  # fmt: skip
    shown = capsys.readouterr()
    assert code == 1
    assert "2 workers ended while they tracked frames" in shown.err
    assert 2 <= len(list(trace.iterdir())) <= 4  # two pieces share the frame
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
    code = cluster([
        street / "long.mp4", "--detector", f"{path}:detect", "--save-txt", tmp_path / "a.txt",
        "--piece", 2.5, "--overlap", 1,
    ])  # fmt: skip
    shown = capsys.readouterr()
    assert code == 1
    assert "the detector failed on frame 100 (RuntimeError: no more)" in shown.err
    assert read(tmp_path / "a.txt")[:, 0].max() == 100


def test_what_workers_cannot_load_is_one_sentence(street, capsys, tmp_path):
    code = cluster(
        [street / "long.mp4", "--detector", "missing.onnx", "--save-txt", tmp_path / "a"]
    )
    shown = capsys.readouterr()
    assert code in (1, 2)
    assert shown.err.count("\n") == 1
    assert "missing.onnx" in shown.err
    assert not (tmp_path / "a").exists()


def test_more_than_the_cluster_has_is_refused(street, capsys, tmp_path):
    out = ("--save-txt", tmp_path / "a")
    assert (
        cluster([street / "long.mp4", "--detections", street / "det.txt", "--cpus", 64, *out]) == 2
    )
    assert "no machine of the cluster has --cpus 64" in capsys.readouterr().err


def test_several_recordings_are_written_each_to_its_own_file(street, tmp_path, capsys):
    run = ("--detections", street / "det.txt", "--engine", "kalman")
    sources = (street / "street.avi", street / "long.mp4")
    code = cluster([*sources, *run, "--save-txt", tmp_path / "{name}.txt", "--piece", 5])
    shown = capsys.readouterr()
    assert code == 0, shown.err
    assert "2 streams: 500 frames" in shown.out
    assert set(read(tmp_path / "street.txt")[:, 0]) == set(range(1, 251))
    assert set(read(tmp_path / "long.txt")[:, 0]) == set(range(1, 251))


SLOW = """
import time
import numpy as np

def detect(frame):
    time.sleep(0.05 if frame.index < 100 else 0.5)
    return np.array([[50.0, 50, 80, 120]])
"""


def test_an_interrupt_leaves_the_pieces_that_are_complete_in_order(street, tmp_path, capsys):
    (tmp_path / "slow.py").write_text(SLOW)
    output = tmp_path / "a.txt"

    def interrupt():
        while not output.exists():
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt, daemon=True).start()
    code = cluster(
        [street / "long.mp4", "--detector", f"{tmp_path / 'slow.py'}:detect",
         "--save-txt", output, "--piece", 2.5, "--overlap", 1]
    )  # fmt: skip
    shown = capsys.readouterr()
    assert code == 1
    frames = read(output)[:, 0]
    assert f"interrupted after {int(frames.max())} frames, which are written" in shown.err
    assert frames.tolist() == list(range(1, int(frames.max()) + 1))
    assert 75 <= frames.max() < 250


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
        code = cluster([
            one.url, other.url, "--detector", f"{path}:detect", "--reconnect", 0,
            "--save-jsonl", tmp_path / "{name}.jsonl",
        ])  # fmt: skip
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

"""``mvot-bench joining``: joined pieces against the unbroken run."""

import numpy as np
import pytest

from helpers.benchmarks.moving_sequence import write_sequence
from mvot_benchmarks.cli import main
from mvot_benchmarks.streams import joining
from mvot_benchmarks.streams.joining import JoiningBenchmark, JoiningResult, format_table
from mvot_plugin.motfile import read_mot

ROW = JoiningResult(
    sequence="street",
    seconds=600.0,
    k=5,
    piece=None,
    overlap=None,
    workers=1,
    frames=15000,
    mota=0.7,
    idf1=0.612,
    hota=0.5,
    switches=7,
)


def test_a_sequence_is_played_forwards_and_backwards_so_that_nobody_jumps():
    assert joining._bounce(4, 10) == [0, 1, 2, 3, 2, 1, 0, 1, 2, 3]
    assert joining._bounce(1, 3) == [0, 0, 0]


def test_the_ground_truth_itself_scores_all_there_is(tmp_path):
    folder = write_sequence(tmp_path / "moving")
    benchmark = JoiningBenchmark(folder, tmp_path, seconds=1.0, k=5)
    truth = read_mot(folder / "gt" / "gt.txt")
    lines = []
    for number, frame in enumerate(benchmark._order):
        for row in np.flatnonzero(truth.frame == frame):
            x0, y0, x1, y1 = truth.xyxy[row].tolist()
            box = f"{x0 + 1},{y0 + 1},{x1 - x0},{y1 - y0}"
            lines.append(f"{number + 1},{truth.id[row]},{box},1,-1,-1,-1\n")
    (tmp_path / "perfect.txt").write_text("".join(lines))
    scores = benchmark._score(read_mot(tmp_path / "perfect.txt"))
    assert (scores.idf1, scores.mota, scores.switches) == (1.0, 1.0, 0)


def test_the_command_tracks_whole_and_in_pieces(tmp_path, capsys):
    pytest.importorskip("ray")
    folder = write_sequence(tmp_path / "moving")
    options = ["--seconds", "4", "--piece", "1.5", "--overlap", "0.5", "--workers", "1"]
    assert main(["joining", str(folder), *options, "--detect-every", "1"]) == 0
    table = capsys.readouterr().out.splitlines()
    assert "moving, 4 s | 1 | unbroken" in table[2]
    assert "pieces of 1.5 s, overlap 0.5 s, 1 workers" in table[3]
    lost = float(table[3].split("|")[-2])
    assert abs(lost) < 30


def test_what_was_lost_is_told_against_the_unbroken_run():
    cut = {**vars(ROW), "piece": 60.0, "overlap": None, "workers": 2, "idf1": 0.601}
    lines = format_table([ROW, JoiningResult(**cut)]).splitlines()
    assert lines[2].endswith("| 70.00 | 61.20 | 50.00 | 7 |  |")
    assert lines[3].endswith("| 70.00 | 60.10 | 50.00 | 7 | +1.10 |")


@pytest.mark.parametrize("option", ["--seconds", "--piece", "--overlap", "--workers"])
def test_numbers_out_of_range_are_refused(option, capsys):
    assert main(["joining", "street", option, "0"]) == 2
    assert f"{option} 0: must be" in capsys.readouterr().err

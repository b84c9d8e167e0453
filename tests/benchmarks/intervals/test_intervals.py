"""`mvot-bench intervals`: curves of quality by detector calls, and the command."""

import json

import numpy as np
import pytest

from helpers.benchmarks.moving_sequence import write_sequence
from mvot_benchmarks.cli import main
from mvot_benchmarks.intervals.measurement import FIXED_K, FIXED_SECONDS, IntervalResult, evaluate
from mvot_benchmarks.intervals.plots import draw_curves
from mvot_benchmarks.intervals.tables import compute_curves
from mvot_benchmarks.mot import evaluate_one
from mvot_plugin.engines import load_engine


@pytest.fixture
def sequence(tmp_path):
    return write_sequence(tmp_path / "MOVES")


def row(sequence, interval, calls, scores, scheduler=FIXED_K, frames=100):
    return IntervalResult(
        sequence=sequence,
        engine="hold",
        scheduler=scheduler,
        interval=interval,
        scores=scores,
        frames=frames,
        calls=calls,
    )


@pytest.fixture
def scores(sequence):
    """Good and bad ones."""
    engine = load_engine("hold")
    return tuple(evaluate_one(sequence, "hold", engine, k).scores for k in (1, 6))


def test_calls_are_pooled_and_qualities_are_means_over_sequences(scores):
    good, bad = scores
    rows = [row("A", 2.0, 50, good), row("B", 2.0, 10, bad, frames=20)]
    rows += [row("A", 9.0, 12, bad), row("B", 9.0, 3, bad, frames=20)]
    rows += [row("A", 5.0, 20, good)]  # of one sequence only: left out
    *_, hota = draw_curves(rows).axes
    assert hota.get_title() == "hold: HOTA"
    (curve,) = compute_curves(rows)
    assert hota.get_lines()[0].get_ydata() == pytest.approx(100 * curve.quality[:, 2])
    assert curve.intervals.tolist() == [2, 9]
    assert curve.share.tolist() == [0.5, 0.125]
    assert curve.quality[:, 0] == pytest.approx([(good.mota + bad.mota) / 2, bad.mota])
    half_way = curve.at(0.25)[0]
    assert half_way == pytest.approx(curve.quality[:, 0].mean())
    assert curve.at(0.5)[0] == curve.quality[0, 0]
    assert np.isnan(curve.at(0.6)).all()
    assert np.isnan(curve.at(0.1)).all()


def test_fixed_seconds_are_frames_of_a_fixed_rate(sequence):
    engine = load_engine("hold")
    by_frames = evaluate(sequence, "hold", engine, FIXED_K, 3.0)
    by_seconds = evaluate(sequence, "hold", engine, FIXED_SECONDS, 0.3)  # at 10 fps
    assert by_frames.calls == by_seconds.calls == 4
    assert by_frames.scores == by_seconds.scores


def test_the_command_compares_at_equal_calls_and_draws(sequence, tmp_path, capsys):
    file, plot = tmp_path / "intervals.json", tmp_path / "intervals.png"
    arguments = ["intervals", str(sequence), "--engine", "hold", "--detect-every", "2", "4"]
    arguments += ["--seconds", "0.1", "0.6", "--interval", "2", "9", "--json", str(file)]
    assert main([*arguments, "--plot", str(plot)]) == 0
    out, err = capsys.readouterr()
    assert "| mean of 1 sequences ± spread | interval | frames detected on | MOTA |" in out
    assert "| hold at equal calls: MOTA / IDF1 / HOTA | k = 2 (50.0%) | k = 4 (25.0%) |" in out
    assert "\n| fixed seconds | " in out
    assert "\n| adaptive | " in out
    assert "hold, fixed k 2: MOTA" in err
    assert plot.read_bytes().startswith(b"\x89PNG")
    assert len(json.loads(file.read_text())["rows"]) == 6
    assert main(arguments) == 0
    assert capsys.readouterr().err.count("(from ") == 6
    assert main(["report", str(file), "--output", str(tmp_path / "report")]) == 0
    assert (tmp_path / "report" / "intervals-1.png").exists()

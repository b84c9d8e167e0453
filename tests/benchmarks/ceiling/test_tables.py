"""The tables, sentences and picture of `mvot-bench ceiling`, and the command."""

import sys
from dataclasses import fields

import cv2
import numpy as np
import pytest

from helpers.benchmarks.moving_sequence import make_scores, write_sequence
from mvot_benchmarks.ceiling.measurement import CeilingResult
from mvot_benchmarks.ceiling.plots import draw_missing, save_plot
from mvot_benchmarks.ceiling.tables import describe_missing, format_table
from mvot_benchmarks.cli import main
from mvot_benchmarks.metrics.scoring import Scores
from mvot_plugin.errors import OutputError

RUNS = [one.name for one in fields(CeilingResult) if one.type is Scores]


def result(
    sequence="A", engine="hold", k=5, detector="replay", shares=(0.5, 0.6, 0.7, 0.8, 0.6, 0.9)
):
    """A result whose IDF1 is, run by run, that of ``shares``; MOTA is 0.1 and HOTA 0.2."""
    scores = {
        run: make_scores(idf1=share, mota=0.1, hota=0.2)
        for run, share in zip(RUNS, shares, strict=True)
    }
    time = {"milliseconds": 1.0, "frames": 9}
    return CeilingResult(sequence=sequence, engine=engine, k=k, detector=detector, **time, **scores)


def test_a_sequence_has_a_table_of_runs_and_one_of_parts():
    assert format_table([result()]).split("\n\n") == [
        "| A: MOTA / IDF1 / HOTA | k | as it is | true motion | true identities | both "
        "| true detector | all three |\n"
        f"|{' --- |' * 8}\n"
        "| hold | 5 | 10.0 / 50.0 / 20.0 | 10.0 / 60.0 / 20.0 | 10.0 / 70.0 / 20.0 "
        "| 10.0 / 80.0 / 20.0 | 10.0 / 60.0 / 20.0 | 10.0 / 90.0 / 20.0 |",
        "| A: points of MOTA / IDF1 / HOTA | k | reached | identity | motion | detector | delay |\n"
        f"|{' --- |' * 7}\n"
        "| hold | 5 | 10.0 / 50.0 / 20.0 | 0.0 / 20.0 / 0.0 | 0.0 / 10.0 / 0.0 "
        "| 0.0 / 10.0 / 0.0 | 90.0 / 10.0 / 80.0 |",
    ]


def test_several_sequences_and_detectors_are_told_apart_and_pooled():
    rows = [result(name, detector=detector) for name in "AB" for detector in ("replay", "yolo")]
    blocks = [block.splitlines() for block in format_table(rows).split("\n\n")]
    assert [block[0].split(":")[0] for block in blocks] == [
        "| A", "| A", "| B", "| B", "| all together", "| all together",
    ]  # fmt: skip
    for block in blocks:
        assert [line.split(" | ")[0] for line in block[2:]] == ["| hold, replay", "| hold, yolo"]
    assert "all together hold, yolo k = 5: of" in describe_missing(rows)


def test_a_sentence_says_what_the_missing_points_are():
    assert describe_missing([result(), result(k=1)]).splitlines()[0] == (
        "A hold k = 5: of 50.0 missing points of IDF1, 20.0 are identity, 10.0 motion, "
        "10.0 the detector, 10.0 delay"
    )


def bars(axis):
    """The intervals of each bar, from the top, rounded to whole percents."""
    boxes = [patch.get_bbox() for patch in axis.patches]
    rows = sorted({round(box.y0, 2) for box in boxes})
    return [
        [(round(box.xmin), round(box.xmax)) for box in boxes if round(box.y0, 2) == row]
        for row in rows
    ]


def test_the_picture_stacks_the_parts_for_each_k_on_axes_for_each_engine():
    other = result(engine="kalman", shares=(0.5, 0.1, 0.4, 0.45, 0.2, 0.9))
    figure = draw_missing([result(k=10), result(k=1), other])
    first, _, second, hota = figure.axes
    assert [label.get_text() for label in first.get_yticklabels()] == ["k = 1", "k = 10"]
    assert bars(first) == [[(0, 50), (50, 70), (70, 80), (80, 90), (90, 100)]] * 2
    assert bars(second) == [[(0, 50), (-10, 0), (50, 55), (55, 100), (100, 110)]]
    assert [text.get_text() for text in second.texts] == ["50", "-10", "5", "45", "10"]
    assert second.get_xlabel() == "IDF1 (%)"
    assert bars(hota) == [[(0, 20), (0, 0), (0, 0), (0, 0), (20, 100)]]
    assert hota.get_xlabel() == "HOTA (%)"
    assert "A" in figure.get_suptitle()


def test_the_picture_of_several_sequences_shows_them_all_together():
    figure = draw_missing([result("A"), result("B")])
    assert [len(bars(axis)) for axis in figure.axes] == [1, 1]
    assert "all together" in figure.get_suptitle()


def test_a_picture_that_cannot_be_written_is_an_error_that_names_it(tmp_path):
    with pytest.raises(OutputError, match=r"cannot write .*k\.xyz"):
        save_plot([result()], tmp_path / "k.xyz")


def test_the_command_prints_tables_and_draws_and_continues(tmp_path, capsys):
    folder = write_sequence(tmp_path / "MOVES")
    file, picture = tmp_path / "ceiling.json", tmp_path / "ceiling.png"
    arguments = ["ceiling", str(folder), "--engine", "hold", "kalman", "--detect-every", "1", "4"]
    arguments += ["--json", str(file), "--plot", str(picture)]
    assert main(arguments) == 0
    out, _ = capsys.readouterr()
    assert out.splitlines()[0].startswith("| MOVES: MOTA / IDF1 / HOTA | k | as it is |")
    assert "MOVES kalman k = 4: of " in out
    assert np.ptp(cv2.imread(str(picture))) > 100
    assert main(arguments) == 0
    again, err = capsys.readouterr()
    assert again == out
    assert err.count(f"(from {file})") == 4


def test_a_sequence_without_ground_truth_is_an_error_that_names_it(tmp_path, capsys):
    assert main(["ceiling", str(tmp_path), "--engine", "hold"]) == 1
    assert f"{tmp_path} is no sequence of a known layout" in capsys.readouterr().err


@pytest.mark.parametrize("module", ["motmetrics", "matplotlib.figure"])
def test_what_is_not_installed_is_named_before_anything_is_measured(
    module, tmp_path, monkeypatch, capsys
):
    monkeypatch.setitem(sys.modules, module, None)
    arguments = ["ceiling", str(write_sequence(tmp_path / "MOVES")), "--plot", "k.png"]
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert f"need {module.split('.')[0]} (" in err
    assert out == ""

"""The mean over runs, and the mean and spread over sequences."""

import numpy as np
import pytest

from helpers.benchmarks.moving_sequence import make_scores
from mvot_benchmarks.mot import MotResult, format_table
from mvot_benchmarks.reporting.summaries import average_runs, format_summary, summarise_sequences


def result(sequence, mota, engine="hold", **values):
    counts = {"misses": values.pop("misses", 3), "located": values.pop("located", (9,) * 19)}
    common = {"k": 5, "milliseconds": 2.0, "frames": 10, "engine": engine}
    scores = make_scores(mota=mota, idf1=mota / 2, **counts)
    return MotResult(**{**common, "sequence": sequence, "scores": scores, **values})


def test_runs_are_averaged_share_by_share_and_count_by_count():
    rows = [
        result("A", 0.2, misses=4, milliseconds=1.0),
        result("A", 0.5, misses=7, milliseconds=3.0, run=1, located=(12,) * 19),
        result("A", 0.9, engine="kalman"),
    ]
    mean, alone = average_runs(rows)
    assert alone is rows[2]
    assert mean.scores.mota == pytest.approx(0.35)
    assert mean.scores.idf1 == pytest.approx(0.175)
    assert mean.scores.misses == 6  # 5.5
    assert mean.scores.located == (10,) * 19  # 10.5
    assert (mean.milliseconds, mean.frames, mean.run) == (2.0, 10, 0)


def test_every_sequence_has_the_same_weight_and_the_spread_is_that_of_a_sample():
    shares = {"A": 0.2, "B": 0.5, "C": 0.8}
    rows = [result(name, mota, frames=len(name) * 1000) for name, mota in shares.items()]
    rows.append(result("A", 0.2, run=1))
    (summary,) = summarise_sequences(rows)
    assert (summary.engine, summary.k, summary.sequences) == ("hold", 5, 3)
    assert summary.mean == pytest.approx((0.5, 0.25, 0.5))
    assert summary.spread == pytest.approx((0.3, 0.15, 0.0))


def test_detectors_of_a_sequence_are_averaged_before_the_spread():
    rows = [
        result(name, mota, detector=detector)
        for name, pair in {"A": (0.1, 0.5), "B": (0.5, 0.1)}.items()
        for detector, mota in zip(("replay", "yolo"), pair, strict=True)
    ]
    (summary,) = summarise_sequences(rows)
    assert summary.mean[0] == pytest.approx(0.3)
    assert summary.spread[0] == pytest.approx(0.0)


def test_an_engine_without_all_sequences_has_no_mean():
    rows = [result("A", 0.2), result("B", 0.4), result("A", 0.9, engine="kalman")]
    assert [one.engine for one in summarise_sequences(rows)] == ["hold"]
    assert summarise_sequences(rows[:1]) == []
    assert format_summary(rows[:1]) == []


def test_the_tables_show_the_mean_of_the_runs_and_the_spread_over_the_sequences():
    rows = [result("A", 0.2), result("A", 0.4, run=1), result("B", 0.5), result("B", 0.5, run=1)]
    blocks = format_table(rows).split("\n\n")
    titles = ("A", "A", "B", "B", "all together", "all together", "mean of 2 sequences ± spread")
    for block, title in zip(blocks, titles, strict=True):
        assert block.startswith(f"| {title}")
        assert len(block.splitlines()) == 3
    assert blocks[0].splitlines()[2] == "| hold | 30.0 / 15.0 / 50.0 | 2.0 |"
    spread = 100 * np.std([0.3, 0.5], ddof=1)
    cells = f"40.0±{spread:.1f} / 20.0±{spread / 2:.1f} / 50.0±0.0"
    assert blocks[6].splitlines()[2] == f"| hold | {cells} | 2.0 |"

"""Scores with perfect parts, and what is missing split among the parts."""

from collections import Counter
from dataclasses import astuple, replace

import numpy as np
import pytest

from helpers.benchmarks.moving_sequence import make_scores, write_sequence
from mvot_benchmarks.ceiling.measurement import (
    PART_NAMES,
    CeilingBenchmark,
    CeilingResult,
    pool_results,
    split_missing,
)
from mvot_benchmarks.detectors import DetectorChoice
from mvot_benchmarks.mot import evaluate_one
from mvot_plugin.engines import load_engine
from mvot_plugin.types import Detections

METRICS = ("mota", "idf1", "hota")
RUNS = (
    "scores",
    "true_identities",
    "true_motion",
    "true_motion_identities",
    "true_detector",
    "all_true",
)


@pytest.fixture(scope="module")
def benchmark(noisy_street):
    return CeilingBenchmark(noisy_street, DetectorChoice())


@pytest.fixture(scope="module")
def results(benchmark):
    """By k, what is lost with boxes that are held."""
    return {k: benchmark.evaluate("hold", load_engine("hold"), k) for k in (1, 8)}


def test_the_pipeline_as_it_is_has_the_scores_of_mot(results, noisy_street):
    for k, result in results.items():
        row = evaluate_one(noisy_street, "hold", load_engine("hold"), k)
        assert result.scores == row.scores
        assert (result.sequence, result.detector, result.frames) == ("STREET-03", "replay", 30)
        assert result.milliseconds > 0


def test_with_all_parts_perfect_nearly_nothing_is_missing(results):
    for metric in METRICS:
        assert getattr(results[1].all_true, metric) > 0.97
        assert getattr(results[8].all_true, metric) > 0.85
    assert results[8].all_true.switches == results[8].all_true.false_positives == 0


def test_each_perfect_part_helps_where_it_is_the_one_that_fails(results):
    often, seldom = results[1], results[8]
    assert seldom.true_motion.mota > seldom.scores.mota + 0.1
    assert often.true_detector.mota > often.scores.mota + 0.1
    for result in results.values():
        assert result.scores.idf1 < result.true_identities.idf1 < 1


def test_true_identities_leave_misses_and_false_alarms_as_they_are(results):
    for result in results.values():
        for found, named in (
            ("scores", "true_identities"),
            ("true_motion", "true_motion_identities"),
        ):
            found, named = getattr(result, found), getattr(result, named)
            boxes = [one.objects - one.misses + one.false_positives for one in (found, named)]
            assert boxes[0] == boxes[1]
            assert named.switches == 0
            assert named.misses <= found.misses
            assert named.identified == named.objects - named.misses


def test_the_parts_add_up_to_100(results):
    for result in results.values():
        for metric in METRICS:
            parts = split_missing(result, metric)
            assert sum(astuple(parts)) == pytest.approx(100)
            assert parts.missing == pytest.approx(100 - 100 * getattr(result.scores, metric))


def test_each_part_is_what_the_next_perfect_one_adds():
    shares = dict(zip(RUNS, (0.5, 0.7, 0.1, 0.65, 0.2, 0.9), strict=True))
    scores = {run: make_scores(idf1=share, mota=-share) for run, share in shares.items()}
    result = CeilingResult(sequence="A", engine="e", k=5, milliseconds=1.0, frames=9, **scores)
    assert PART_NAMES == ("reached", "identity", "motion", "detector", "delay")
    assert np.allclose(astuple(split_missing(result, "idf1")), (50, 20, -5, 25, 10))
    assert np.allclose(astuple(split_missing(result, "mota")), (-50, -20, 5, -25, 190))


def test_an_engine_and_another_k_need_no_frame_to_be_detected_again(tmp_path):
    folder, calls = write_sequence(tmp_path / "MOVES"), Counter()

    def detect(frame):
        calls[frame.index] += 1
        return Detections.empty()

    benchmark = CeilingBenchmark(folder, DetectorChoice(name="mine", detector=detect))
    results = [
        benchmark.evaluate(name, load_engine(name), k)
        for k in (3, 2)
        for name in ("hold", "kalman")
    ]
    assert calls == dict.fromkeys((0, 2, 3, 4, 6, 8, 9, 10), 1)
    assert {result.detector for result in results} == {"mine"}
    assert all(result.scores.misses == 12 for result in results)
    assert all(split_missing(result, "idf1").detector > 90 for result in results)


def test_pooled_results_add_up_the_counts_of_every_run(results):
    first = results[1]
    second = replace(first, sequence="OTHER", frames=3 * first.frames, milliseconds=0.0)
    pooled = pool_results([first, second])
    for run in RUNS:
        one, both = getattr(first, run), getattr(pooled, run)
        assert both.objects == 2 * one.objects
        assert [getattr(both, metric) for metric in METRICS] == pytest.approx(
            [getattr(one, metric) for metric in METRICS]
        )
    assert (pooled.sequence, pooled.frames) == ("all together", 4 * first.frames)
    assert pooled.milliseconds == pytest.approx(first.milliseconds / 4)

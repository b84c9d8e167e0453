"""The area under the curve of scores."""

import math

import numpy as np
import pytest

from mvot_benchmarks.metrics.ranking import area_under_curve


def test_it_is_the_share_of_pairs_in_the_right_order() -> None:
    rng = np.random.default_rng(0)
    scores, is_right = rng.integers(0, 8, 60).astype(np.float64), rng.random(60) < 0.4
    pairs = [
        1.0 if right > wrong else 0.5 if right == wrong else 0.0
        for right in scores[is_right]
        for wrong in scores[~is_right]
    ]
    assert area_under_curve(scores, is_right) == pytest.approx(np.mean(pairs))


@pytest.mark.parametrize(
    ("scores", "is_right", "area"),
    [
        ([0.1, 0.9], [False, True], 1.0),
        ([0.1, 0.9], [True, False], 0.0),
        ([0.5, 0.5, 0.5], [True, False, True], 0.5),
    ],
)
def test_extremes(scores: list[float], is_right: list[bool], area: float) -> None:
    assert area_under_curve(np.array(scores), np.array(is_right)) == area


@pytest.mark.parametrize("is_right", [[], [True, True], [False]])
def test_there_is_none_where_nothing_is_to_be_told_apart(is_right: list[bool]) -> None:
    scores = np.linspace(0, 1, len(is_right))
    assert math.isnan(area_under_curve(scores, np.array(is_right, bool)))

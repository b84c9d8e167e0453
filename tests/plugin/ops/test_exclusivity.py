"""Two targets that are found in one place."""

import numpy as np

from mvot_plugin.ops.exclusivity import find_intruders

LEFT, MIDDLE, RIGHT = [0, 0, 10, 20], [20, 0, 30, 20], [60, 0, 70, 20]


def _boxes(*rows: list[float]) -> np.ndarray:
    return np.array(rows, np.float32).reshape(-1, 4)


def test_the_less_sure_of_two_that_meet_is_the_intruder() -> None:
    before, found = _boxes(LEFT, MIDDLE, RIGHT), _boxes(MIDDLE, MIDDLE, RIGHT)
    sure = find_intruders(found, before, np.array([0.0, 2.0, -5.0]), 0.6)
    assert sure.tolist() == [True, False, False]
    swapped = find_intruders(found, before, np.array([3.0, 2.0, -5.0]), 0.6)
    assert swapped.tolist() == [False, True, False]


def test_those_that_shared_a_place_before_may_go_on_sharing_it() -> None:
    together = _boxes(LEFT, [1, 0, 11, 20])
    assert not find_intruders(together, together, np.array([1.0, 2.0]), 0.6).any()


def test_a_place_is_not_taken_by_one_that_is_an_intruder_elsewhere() -> None:
    before = _boxes(LEFT, [16, 0, 26, 20], [32, 0, 42, 20])
    found = _boxes([2, 0, 12, 20], [0, 0, 10, 20], [-2, 0, 8, 20])
    # the second overlaps both, and yields to the first; the third overlaps the second alone
    odds = np.array([3.0, 2.0, 1.0])
    assert find_intruders(found, before, odds, 0.6).tolist() == [False, True, False]
    assert find_intruders(found, before, odds, 0.4).tolist() == [False, True, True]


def test_equals_are_told_apart_by_their_order() -> None:
    before, found = _boxes(LEFT, RIGHT), _boxes(MIDDLE, MIDDLE)
    assert find_intruders(found, before, np.zeros(2), 0.6).tolist() == [False, True]


def test_nobody_is_an_intruder_alone_or_apart() -> None:
    none = _boxes()
    assert find_intruders(none, none, np.zeros(0), 0.6).tolist() == []
    apart = _boxes(LEFT, MIDDLE)
    assert not find_intruders(apart, apart, np.zeros(2), 0.6).any()

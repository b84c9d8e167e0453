from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from mvot_plugin.association.assignment import assign

tables = arrays(
    np.float32,
    array_shapes(min_dims=2, max_dims=2, min_side=0, max_side=6),
    elements=st.floats(0, 1, width=32) | st.sampled_from([0.0, 0.25, 0.5, 1.0]),
)
gates = st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.9])


def best_total(affinity, gate):
    worth = np.where(affinity >= max(gate, 1e-6), affinity, 0).astype(float)
    if worth.shape[0] > worth.shape[1]:
        worth = worth.T
    rows, columns = worth.shape
    ways = permutations(range(columns), rows)
    return max(sum(worth[row, column] for row, column in enumerate(way)) for way in ways)


def total(affinity, match):
    return affinity[match.targets, match.detections].astype(float).sum()


@given(tables, gates)
def test_the_total_is_the_largest_of_all_assignments(affinity, gate):
    match = assign(affinity, gate)
    assert total(affinity, match) == pytest.approx(best_total(affinity, gate), abs=1e-6)
    assert (affinity[match.targets, match.detections] >= gate).all()


@given(tables, gates, st.data())
def test_rows_and_columns_are_accounted_for_once_and_ascending(affinity, gate, data):
    rows, columns = affinity.shape
    turns = data.draw(st.none() | arrays(np.int64, rows, elements=st.integers(0, 2)))
    match = assign(affinity, gate, rank=turns)
    assert sorted([*match.targets, *match.unmatched_targets]) == list(range(rows))
    assert sorted([*match.detections, *match.unmatched_detections]) == list(range(columns))
    for column in (match.targets, match.unmatched_targets, match.unmatched_detections):
        assert (np.diff(column) > 0).all()
    assert len(match.targets) == len(match.detections)
    assert (affinity[match.targets, match.detections] >= max(gate, 1e-6)).all()


@given(tables, gates, st.data())
def test_a_lower_rank_is_assigned_as_if_there_were_no_higher_one(affinity, gate, data):
    turns = data.draw(arrays(np.int64, len(affinity), elements=st.integers(0, 1)))
    match = assign(affinity, gate, rank=turns)
    early = np.flatnonzero(turns == 0)
    alone = assign(affinity[early], gate)
    first = turns[match.targets] == 0
    assert match.targets[first].tolist() == early[alone.targets].tolist()
    assert match.detections[first].tolist() == alone.detections.tolist()


@given(tables, gates, st.data())
def test_a_higher_rank_is_assigned_optimally_among_the_rest(affinity, gate, data):
    turns = data.draw(arrays(np.int64, len(affinity), elements=st.integers(0, 1)))
    match = assign(affinity, gate, rank=turns)
    first = turns[match.targets] == 0
    left = np.setdiff1d(np.arange(affinity.shape[1]), match.detections[first])
    remaining = affinity[turns == 1][:, left]
    late = affinity[match.targets[~first], match.detections[~first]].astype(float).sum()
    assert late == pytest.approx(best_total(remaining, gate), abs=1e-6)


def test_ranks_need_not_count_from_0():
    affinity = np.array([[0.9, 0.3], [0.8, 0.0]], np.float32)
    match = assign(affinity, 0.1, rank=np.array([7, -2]))
    assert match.targets.tolist() == [0, 1]
    assert match.detections.tolist() == [1, 0]


def test_the_best_total_wins_over_the_best_pair():
    affinity = np.array([[0.9, 0.8], [0.8, 0.0]], np.float32)
    assert assign(affinity, 0.1).detections.tolist() == [1, 0]


def test_rank_takes_precedence_over_the_best_total():
    affinity = np.array([[0.9, 0.8], [0.8, 0.0]], np.float32)
    match = assign(affinity, 0.1, rank=np.array([0, 1]))
    assert match.targets.tolist() == [0]
    assert match.detections.tolist() == [0]
    assert match.unmatched_targets.tolist() == [1]
    assert match.unmatched_detections.tolist() == [1]


def test_the_gate_is_inclusive_and_zero_affinity_never_matches():
    affinity = np.array([[0.25, 0.0], [0.0, 0.125]], np.float32)
    assert assign(affinity, 0.25).targets.tolist() == [0]
    assert assign(affinity, 0.0).targets.tolist() == [0, 1]
    assert len(assign(np.zeros((3, 3), np.float32), 0.0).targets) == 0


def test_the_affinity_stays_as_it_was():
    affinity = np.array([[0.9, 0.8], [0.8, 0.05]], np.float32)
    before = affinity.copy()
    assign(affinity, 0.1, rank=np.array([0, 1]))
    assert np.array_equal(affinity, before)


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (0, 0)])
def test_no_rows_or_no_columns_match_nothing(shape, turned):
    turn = np.zeros(shape[0], np.int64) if turned else None
    match = assign(np.zeros(shape, np.float32), 0.1, rank=turn)
    assert len(match.targets) == len(match.detections) == 0
    assert match.unmatched_targets.tolist() == list(range(shape[0]))
    assert match.unmatched_detections.tolist() == list(range(shape[1]))

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from mvot_plugin.association.assignment import Stage, assign, assign_in_stages

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


def draw_stages(data, shape, most=3):
    """Stages of random targets, detections and gates."""
    rows, columns = (arrays(np.bool_, count) for count in shape)
    return [
        Stage(targets=data.draw(rows), detections=data.draw(columns), gate=data.draw(gates))
        for _ in range(data.draw(st.integers(0, most)))
    ]


def rank_stages(first, columns, gate=0.1):
    """Two stages: the rows that ``first`` marks, then the others."""
    everything = np.ones(columns, np.bool_)
    return [
        Stage(targets=np.array(rows, np.bool_), detections=everything, gate=gate)
        for rows in (first, np.logical_not(first))
    ]


@given(tables, st.data())
def test_rows_and_columns_are_accounted_for_once_and_ascending(affinity, data):
    rows, columns = affinity.shape
    match = assign_in_stages(affinity, draw_stages(data, affinity.shape))
    assert sorted([*match.targets, *match.unmatched_targets]) == list(range(rows))
    assert sorted([*match.detections, *match.unmatched_detections]) == list(range(columns))
    for column in (match.targets, match.unmatched_targets, match.unmatched_detections):
        assert (np.diff(column) > 0).all()
    assert len(match.targets) == len(match.detections)


@given(tables, st.data())
def test_each_stage_assigns_optimally_what_the_ones_before_have_left(affinity, data):
    stages = draw_stages(data, affinity.shape)
    before, rows, columns = {}, np.ones(len(affinity), bool), np.ones(affinity.shape[1], bool)
    for count, stage in enumerate(stages, 1):
        match = assign_in_stages(affinity, stages[:count])
        pairs = dict(zip(match.targets.tolist(), match.detections.tolist(), strict=True))
        assert before.items() <= pairs.items()
        new = {row: column for row, column in pairs.items() if row not in before}
        part = affinity[np.ix_(rows & stage.targets, columns & stage.detections)]
        gained = [affinity[pair] for pair in new.items()]
        assert all(stage.targets[row] and stage.detections[new[row]] for row in new)
        assert all(gain >= max(stage.gate, 1e-6) for gain in gained)
        assert sum(map(float, gained)) == pytest.approx(best_total(part, stage.gate), abs=1e-6)
        rows[list(new)], columns[list(new.values())] = False, False
        before = pairs


def test_a_match_is_extended_by_pairs_that_were_unmatched():
    affinity = np.zeros((5, 4), np.float32)
    affinity[1, 3] = affinity[4, 0] = 1
    match = assign(affinity, 0.1)
    longer = match.extend(np.array([3, 0]), np.array([1, 2]))
    assert longer.targets.tolist() == [0, 1, 3, 4]
    assert longer.detections.tolist() == [2, 3, 1, 0]
    assert longer.unmatched_targets.tolist() == [2]
    assert longer.unmatched_detections.tolist() == []
    assert match.unmatched_targets.tolist() == [0, 2, 3]


def test_a_match_extended_by_nothing_stays_as_it_is():
    match = assign(np.eye(3, 2, dtype=np.float32), 0.1)
    same = match.extend(np.zeros(0, np.int64), np.zeros(0, np.int64))
    assert same.targets.tolist() == same.detections.tolist() == [0, 1]
    assert same.unmatched_targets.tolist() == [2]
    assert same.unmatched_detections.tolist() == []


def test_without_stages_nothing_is_matched():
    match = assign_in_stages(np.ones((2, 3), np.float32), [])
    assert match.unmatched_targets.tolist() == [0, 1]
    assert match.unmatched_detections.tolist() == [0, 1, 2]
    assert len(match.targets) == len(match.detections) == 0


def test_the_best_total_wins_over_the_best_pair():
    affinity = np.array([[0.9, 0.8], [0.8, 0.0]], np.float32)
    assert assign(affinity, 0.1).detections.tolist() == [1, 0]


def test_an_earlier_stage_takes_precedence_over_the_best_total():
    affinity = np.array([[0.9, 0.8], [0.8, 0.0]], np.float32)
    match = assign_in_stages(affinity, rank_stages([True, False], columns=2))
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
    assign_in_stages(affinity, rank_stages([True, False], columns=2))
    assert np.array_equal(affinity, before)


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (0, 0)])
def test_no_rows_or_no_columns_match_nothing(shape):
    table, first = np.zeros(shape, np.float32), np.arange(shape[0]) > 0
    for match in (assign(table, 0.1), assign_in_stages(table, rank_stages(first, shape[1]))):
        assert len(match.targets) == len(match.detections) == 0
        assert match.unmatched_targets.tolist() == list(range(shape[0]))
        assert match.unmatched_detections.tolist() == list(range(shape[1]))

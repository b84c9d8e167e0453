"""Rows behave as lists of rows do, nested or not, of arrays or of tensors."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from helpers.properties import scaled
from mvot_plugin.rows import Rows, split_rows


@dataclass(frozen=True, kw_only=True, eq=False)
class Inner(Rows):
    values: np.ndarray


@dataclass(frozen=True, kw_only=True, eq=False)
class Outer(Rows):
    numbers: np.ndarray
    inner: Inner
    tensor: Any
    absent: None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Optional(Rows):
    numbers: np.ndarray
    column: np.ndarray | None = None


def make(numbers):
    array = np.array(numbers, np.int64)
    inner = Inner(values=np.stack([array, -array], axis=1).astype(np.float32))
    return Outer(numbers=array, inner=inner, tensor=torch.from_numpy(array * 2).bfloat16())


def assert_holds(rows, numbers):
    assert len(rows) == len(numbers)
    assert rows.numbers.tolist() == numbers
    assert rows.inner.values.tolist() == [[n, -n] for n in numbers]
    assert rows.tensor.tolist() == [2 * n for n in numbers]
    assert rows.tensor.dtype == torch.bfloat16
    assert rows.absent is None


lists = st.lists(st.integers(0, 99), max_size=6)


@given(st.lists(lists, min_size=1, max_size=4))
@scaled(50)
def test_concatenation_is_that_of_lists(parts):
    assert_holds(Rows.cat([make(part) for part in parts]), [n for part in parts for n in part])


@given(st.lists(st.tuples(lists, st.booleans()), min_size=1, max_size=4))
@scaled(50)
def test_an_optional_column_is_there_where_all_parts_with_rows_have_it(parts):
    columns = [np.array(part, np.int64) if has else None for part, has in parts]
    together = Rows.cat(
        [
            Optional(numbers=np.array(part, np.int64), column=column)
            for (part, _), column in zip(parts, columns, strict=True)
        ]
    )
    assert together.numbers.tolist() == [n for part, _ in parts for n in part]
    if all(has for part, has in parts if part) and len(together):
        assert together.column.tolist() == together.numbers.tolist()
    elif len(together):
        assert together.column is None


@given(lists, st.data())
@scaled(50)
def test_indexing_is_that_of_lists(numbers, data):
    rows, count = make(numbers), len(numbers)
    mask = np.array(data.draw(st.lists(st.booleans(), min_size=count, max_size=count)), bool)
    assert_holds(rows[mask], [n for n, kept in zip(numbers, mask, strict=True) if kept])
    some = data.draw(st.slices(count))
    assert_holds(rows[some], numbers[some])
    if count:
        order = data.draw(st.lists(st.integers(-count, count - 1), max_size=8))
        assert_holds(rows[np.array(order, np.int64)], [numbers[row] for row in order])
        assert_holds(rows[order[0] if order else 0], [numbers[order[0] if order else 0]])


@given(lists, st.data())
@scaled(50)
def test_replaced_rows_are_the_new_ones_in_order(numbers, data):
    count = len(numbers)
    mask = np.array(data.draw(st.lists(st.booleans(), min_size=count, max_size=count)), bool)
    new = iter(range(100, 200))
    expected = [next(new) if marked else n for n, marked in zip(numbers, mask, strict=True)]
    replaced = make(numbers).replace_rows(mask, make(list(range(100, 100 + mask.sum()))))
    assert_holds(replaced, expected)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_no_rows_of_another_precision_change_that_of_the_others(dtype):
    none, some = Inner(values=torch.zeros(0, 2)), Inner(values=torch.ones(3, 2, dtype=dtype))
    for parts in ([none, some], [some, none], [none, none, some]):
        assert Rows.cat(parts).values.dtype == dtype


@given(st.integers(0, 500), st.integers(1, 64), st.integers(1, 8), st.integers(1, 2))
@scaled(100)
def test_slices_cover_each_row_once(count, most, workers, least):
    slices = split_rows(count, most, workers, least)
    lengths = [part.stop - part.start for part in slices]
    assert [row for part in slices for row in range(part.start, part.stop)] == list(range(count))
    assert all(0 < length <= most for length in lengths)
    assert not lengths or max(lengths) - min(lengths) <= 1
    assert not lengths or min(lengths) >= min(least, count, most / 2)

"""The base of detections, tracks, targets and trajectories: columns of equal length."""

from collections.abc import Sequence
from dataclasses import fields
from functools import cache
from importlib import import_module
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np

__all__ = ["Rows", "concatenate", "split_rows", "take_rows"]

RowsT = TypeVar("RowsT", bound="Rows")
PartT = TypeVar("PartT", bound="Rows")


class Rows:
    """Base of dataclasses whose fields are columns; has a length, and is indexed by row.

    An optional column may be None. Columns of unequal length are a ``ValueError``.
    """

    __slots__ = ()

    def __post_init__(self) -> None:
        lengths = {k: len(v) for k, v in self._columns().items() if v is not None}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"{type(self).__name__} columns differ in length: {lengths}")

    def __len__(self) -> int:
        return len(next(iter(self._columns().values())))

    def __getitem__(self: RowsT, rows: Any) -> RowsT:
        """The rows that an integer, a slice, or an integer or boolean array selects."""
        selected = [rows] if isinstance(rows, (int, np.integer)) else rows
        columns = self._columns().items()
        return type(self)(**{k: take_rows(v, selected) for k, v in columns})

    def replace_rows(self: RowsT, rows: Any, new: RowsT) -> RowsT:
        """A copy in which the rows that a boolean array marks are those of ``new``, in order."""
        if not rows.any():
            return self
        order = np.arange(len(self))
        order[rows] = len(self) + np.arange(len(new))
        return Rows.cat([self, new])[order]

    @staticmethod
    def cat(parts: "Sequence[PartT]") -> "PartT":
        """Concatenate values of one kind, in order.

        A column that is None in a part with rows is None. Raises ``ValueError`` for no parts, and
        for parts of different kinds.
        """
        kinds = {type(part) for part in parts}
        if len(kinds) != 1:
            names = ", ".join(sorted(kind.__name__ for kind in kinds)) or "nothing"
            raise ValueError(f"cat needs values of one kind, got {names}")
        tables = [part._columns() for part in parts if len(part)] or [parts[0]._columns()]
        columns = {name: [table[name] for table in tables] for name in tables[0]}
        return kinds.pop()(**{name: concatenate(column) for name, column in columns.items()})

    def _columns(self) -> dict[str, Any]:
        kind: Any = type(self)
        return {name: getattr(self, name) for name in _column_names(kind)}

    def _coerce(self, **dtypes: type[np.generic]) -> None:
        """Give the columns their dtypes, at construction."""
        for name, column in self._columns().items():
            if column is not None:
                object.__setattr__(self, name, np.asarray(column, dtypes[name]))


@cache
def _column_names(kind: Any) -> tuple[str, ...]:
    """The names of the columns of a kind of rows."""
    return tuple(one.name for one in fields(kind))


def take_rows(column: Any, rows: Any) -> Any:
    """Take rows of an array, of nested ``Rows`` or of a torch tensor; of None, None."""
    if column is None or isinstance(column, (np.ndarray, Rows)):
        return None if column is None else column[rows]
    if isinstance(rows, slice) and (rows.step or 1) > 0:
        return column[rows]
    index = np.arange(len(column))[rows].copy()  # torch knows no negative strides
    return column[import_module("torch").from_numpy(index).to(column.device)]


def concatenate(column: list[Any]) -> Any:
    """Concatenate arrays, nested ``Rows`` or torch tensors; None where any of them is None.

    Parts without rows have no say in the dtype.
    """
    if any(part is None for part in column):
        return None
    column = [part for part in column if len(part)] or column[:1]
    if isinstance(column[0], Rows):
        return Rows.cat(column)
    if isinstance(column[0], np.ndarray):
        return np.concatenate(column)
    return import_module("torch").cat(column)


def largest_rows(values: np.ndarray, most: int) -> np.ndarray:
    """The rows of the ``most`` largest values, ascending; of equal values, the first."""
    return np.sort(np.argsort(-values, kind="stable")[:most])


def split_rows(count: int, most: int, workers: int = 1, least: int = 1) -> list[slice]:
    """Split ``count`` rows into slices of nearly equal length.

    Args:
        count: The rows.
        most: The most rows of a slice.
        workers: Each gets as many slices as the others, as far as there are enough rows.
        least: The fewest rows of a slice, where there are so many, and ``most`` allows.
    """
    fewest = -(-count // most)
    slices = max(min(-(-fewest // workers) * workers, count // least), fewest)
    edges = [count * number // slices for number in range(slices + 1)] if slices else []
    return [slice(begin, end) for begin, end in pairwise(edges)]

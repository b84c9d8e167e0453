"""The base of detections, tracks, targets and trajectories: columns of equal length."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from functools import cache
from importlib import import_module
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np

__all__ = ["SHARED", "Rows", "concatenate", "split_rows", "take_rows"]

SHARED: Mapping[str, bool] = {"shared": True}
"""The metadata of a field that is no column: all rows share its value."""

RowsT = TypeVar("RowsT", bound="Rows")
PartT = TypeVar("PartT", bound="Rows")


class Rows:
    """Base of dataclasses whose fields are columns; has a length, and is indexed by row.

    An optional column may be None, and a mapping holds columns by name. Columns of unequal length
    are a ``ValueError``. What the rows share (``SHARED``) is kept by every selection.
    """

    __slots__ = ()

    def __post_init__(self) -> None:
        lengths = {k: len(v) for k, v in _flatten(self._columns()).items() if v is not None}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"{type(self).__name__} columns differ in length: {lengths}")

    def __len__(self) -> int:
        return len(next(iter(self._columns().values())))

    def __getitem__(self: RowsT, rows: Any) -> RowsT:
        """The rows that an integer, a slice, or an integer or boolean array selects."""
        selected = [rows] if isinstance(rows, (int, np.integer)) else rows
        columns = self._columns().items()
        return type(self)(**{k: take_rows(v, selected) for k, v in columns}, **self._shared())

    def replace_rows(self: RowsT, rows: Any, new: RowsT) -> RowsT:
        """A copy in which some rows are those of another value.

        Args:
            rows: (N,) boolean, true for the rows to replace.
            new: As many rows, in order.

        Returns:
            The N rows.
        """
        if not rows.any():
            return self
        order = np.arange(len(self))
        order[rows] = len(self) + np.arange(len(new))
        return Rows.cat([self, new])[order]

    @staticmethod
    def cat(parts: "Sequence[PartT]") -> "PartT":
        """Concatenate values of one kind, in order.

        Args:
            parts: One or more.

        Returns:
            All rows. A column that is None in a part with rows is None; what the rows share is that
            of the first of these parts.

        Raises:
            ValueError: There are no parts, or parts of different kinds.
        """
        kinds = {type(part) for part in parts}
        if len(kinds) != 1:
            names = ", ".join(sorted(kind.__name__ for kind in kinds)) or "nothing"
            raise ValueError(f"cat needs values of one kind, got {names}")
        used = [part for part in parts if len(part)] or [parts[0]]
        tables = [part._columns() for part in used]
        columns = {name: concatenate([table[name] for table in tables]) for name in tables[0]}
        return kinds.pop()(**columns, **used[0]._shared())

    def _columns(self) -> dict[str, Any]:
        kind: Any = type(self)
        return {name: getattr(self, name) for name in _column_names(kind)}

    def _shared(self) -> dict[str, Any]:
        kind: Any = type(self)
        return {name: getattr(self, name) for name in _shared_names(kind)}

    def _coerce(self, **dtypes: type[np.generic]) -> None:
        """Give columns their dtypes, at construction."""
        for name, column in self._columns().items():
            if column is not None and name in dtypes:
                object.__setattr__(self, name, np.asarray(column, dtypes[name]))


@cache
def _column_names(kind: Any) -> tuple[str, ...]:
    """The names of the columns of a kind of rows."""
    return tuple(one.name for one in fields(kind) if one.metadata != SHARED)


@cache
def _shared_names(kind: Any) -> tuple[str, ...]:
    """The names of what the rows of a kind share."""
    return tuple(one.name for one in fields(kind) if one.metadata == SHARED)


def _flatten(columns: Mapping[str, Any]) -> dict[str, Any]:
    """The columns, those within mappings too."""
    flat: dict[str, Any] = {}
    for name, column in columns.items():
        flat.update(column if isinstance(column, Mapping) else {name: column})
    return flat


def take_rows(column: Any, rows: Any) -> Any:
    """Take rows of an array, of nested ``Rows``, of each column of a mapping, or of a torch tensor.

    Of None, it is None.
    """
    if column is None or isinstance(column, (np.ndarray, Rows)):
        return None if column is None else column[rows]
    if isinstance(column, Mapping):
        return {name: take_rows(one, rows) for name, one in column.items()}
    if isinstance(rows, slice) and (rows.step or 1) > 0:
        return column[rows]
    index = np.arange(len(column))[rows].copy()  # torch knows no negative strides
    return column[import_module("torch").from_numpy(index).to(column.device)]


def concatenate(column: list[Any]) -> Any:
    """Concatenate arrays, nested ``Rows``, mappings of columns or torch tensors.

    None where any of them is None; of mappings, the columns that all of them have. Parts without
    rows have no say in the dtype.
    """
    if any(part is None for part in column):
        return None
    if isinstance(column[0], Mapping):
        common = [name for name in column[0] if all(name in part for part in column)]
        return {name: concatenate([part[name] for part in column]) for name in common}
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

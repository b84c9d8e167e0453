"""The annotation files of all data sets but MOTChallenge: rows of numbers, one object each."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float32, Float64

from mvot_plugin.errors import InputError

__all__ = ["boxes_of", "read_flags", "read_table"]

_WHOLE = frozenset({"frame", "id", "flag", "category"})
_SMALL = 2**53


@dataclass(frozen=True, kw_only=True)
class _Format:
    path: Path
    names: tuple[str, ...]

    def fault(self, number: int, what: str) -> InputError:
        rows = ",".join(self.names)
        return InputError(f"{self.path}, line {number}: {what}; expected rows of {rows}")

    def row(self, number: int, fields: list[str]) -> list[float]:
        """The numbers of a line; raises the error that says which is wrong."""
        if len(fields) != len(self.names):
            raise self.fault(number, f"{len(fields)} columns instead of {len(self.names)}")
        row = []
        for name, field in zip(self.names, fields, strict=True):
            try:
                row.append(float(field))
            except ValueError:
                raise self.fault(number, f"{name} {field!r} is not a number") from None
            if name in _WHOLE and not (row[-1].is_integer() and abs(row[-1]) < _SMALL):
                raise self.fault(number, f"{name} {field!r} is not a whole number")
            if name == "frame" and row[-1] < 1:
                raise self.fault(number, "frames count from 1")
        return row


def read_table(path: Path, names: tuple[str, ...]) -> Float64[np.ndarray, "n columns"]:
    """The rows of a text file, their columns separated by commas, tabs or blanks.

    Blank lines are skipped; NaN is a number, but not a frame, id, flag or category. Raises
    ``InputError`` for a missing file, and for the first line that is not such a row.
    """
    form = _Format(path=path, names=names)
    rows = [form.row(number, fields) for number, fields in _lines(path)]
    return np.array(rows, np.float64).reshape(-1, len(names))


def read_flags(path: Path, count: int) -> Bool[np.ndarray, " count"]:
    """Zeros and ones, in lines or in one line, ``count`` of them.

    Raises ``InputError`` for a missing file, another number, and anything but 0 and 1.
    """
    values = [(number, field) for number, fields in _lines(path) for field in fields]
    for number, field in values:
        if field not in ("0", "1"):
            raise InputError(f"{path}, line {number}: {field!r} is neither 0 nor 1")
    if len(values) != count:
        raise InputError(f"{path} has {len(values)} values for the {count} rows of boxes beside it")
    return np.array([field == "1" for _, field in values], np.bool_)


def _lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    """The lines with something in them, by their number from 1."""
    try:
        text = path.read_text("utf-8-sig")
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; its data set has the annotations there") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise InputError(f"{path} is not a text file; put the annotations there") from None
    for number, line in enumerate(text.splitlines(), start=1):
        parts = line.strip().removesuffix(",").split(",")
        fields = [field for part in parts for field in re.split(r"\s+", part.strip())]
        if fields != [""]:
            yield number, fields


def boxes_of(table: Float64[np.ndarray, "n 4"], *, origin: int) -> Float32[np.ndarray, "n 4"]:
    """``left, top, width, height`` to xyxy; ``origin`` is the number of the first pixel."""
    corner = table[:, :2] - origin
    return np.concatenate([corner, corner + table[:, 2:]], 1).astype(np.float32)

"""Text files of numbers, a row per object: the annotations of all data sets but MOTChallenge."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float32, Float64

from mvot_plugin.errors import InputError
from mvot_plugin.types import LTWH, XYXY

__all__ = ["boxes_from_ltwh", "read_flags", "read_table"]

_INTEGER_COLUMNS = frozenset({"frame", "id", "flag", "category"})
_MAX_INTEGER = 2**53


@dataclass(frozen=True, kw_only=True)
class _RowFormat:
    """The columns that each row of a file must have."""

    path: Path
    names: tuple[str, ...]

    def error(self, number: int, reason: str) -> InputError:
        """The error for a line, by its number."""
        columns = ",".join(self.names)
        return InputError(f"{self.path}, line {number}: {reason}; expected rows of {columns}")

    def parse(self, number: int, fields: list[str]) -> list[float]:
        """The numbers of a line; raises ``InputError`` for the first field that is wrong."""
        if len(fields) != len(self.names):
            raise self.error(number, f"{len(fields)} columns instead of {len(self.names)}")
        row = []
        for name, field in zip(self.names, fields, strict=True):
            try:
                row.append(float(field))
            except ValueError:
                raise self.error(number, f"{name} {field!r} is not a number") from None
            if name in _INTEGER_COLUMNS and not (
                row[-1].is_integer() and abs(row[-1]) < _MAX_INTEGER
            ):
                raise self.error(number, f"{name} {field!r} is not a whole number")
            if name == "frame" and row[-1] < 1:
                raise self.error(number, "frames count from 1")
        return row


def read_table(path: Path, names: tuple[str, ...]) -> Float64[np.ndarray, "n columns"]:
    """Read the rows of a text file, with columns separated by commas, tabs or blanks.

    Blank lines are skipped. NaN is a number, but not a frame, id, flag or category. Raises
    ``InputError`` for a missing file, and for the first line that is not a row of these columns.
    """
    row_format = _RowFormat(path=path, names=names)
    rows = [row_format.parse(number, fields) for number, fields in _split_lines(path)]
    return np.array(rows, np.float64).reshape(-1, len(names))


def read_flags(path: Path, count: int) -> Bool[np.ndarray, " count"]:
    """Read ``count`` flags, 0 or 1, one per line or all in one line.

    Raises ``InputError`` for a missing file, another number of flags, and other values.
    """
    values = [(number, field) for number, fields in _split_lines(path) for field in fields]
    for number, field in values:
        if field not in ("0", "1"):
            raise InputError(f"{path}, line {number}: {field!r} is neither 0 nor 1")
    if len(values) != count:
        raise InputError(f"{path} has {len(values)} values for the {count} rows of boxes beside it")
    return np.array([field == "1" for _, field in values], np.bool_)


def _split_lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    """The number, from 1, and the fields of each line that is not blank."""
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


def boxes_from_ltwh(table: Float64[LTWH, " n"], *, origin: int) -> Float32[XYXY, " n"]:
    """Convert to 0-based xyxy; ``origin`` is the coordinate of the first pixel in ``table``."""
    corner = table[:, :2] - origin
    return np.concatenate([corner, corner + table[:, 2:]], 1).astype(np.float32)

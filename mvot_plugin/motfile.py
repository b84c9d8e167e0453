"""Reader of MOTChallenge text files, both detections and ground truth.

Rows are ``frame,id,left,top,width,height[,score[,...]]``, frames and pixels from 1, separated by
commas, blanks or tabs. Only in rows of exactly 9 columns are the last two class and visibility
(MOT17 ground truth); in others what follows the score are world coordinates, which are ignored.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from jaxtyping import Float32, Float64, Int64

from mvot_plugin.errors import InputError, format_value
from mvot_plugin.textfile import read_bytes
from mvot_plugin.types import XYXY

__all__ = ["MotRows", "ground_truth_path", "read_ground_truth", "read_mot"]

_EXPECTED = "expected frame,id,left,top,width,height,score with frames counted from 1"
_COLUMN_NAMES = ("frame", "id", "left", "top", "width", "height", "score", "class", "visibility")
_MAX_INTEGER = 2**53
_MOST_BYTES = 128 << 20
"""Some three million rows: an hour of video with thirty detections on each frame."""
_LONGEST_LINE = 10_000
_COMMENT = re.compile(r"#[^\n]*")
_FULL_LINE = re.compile(r"[^\n]+")
_EMPTY_FIELD = re.compile(r"(?:^|,)[ \t]*,")


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class MotRows:
    """The columns of a MOT file, in the file's order, each row once."""

    frame: Int64[np.ndarray, " n"]
    """Frames, from 0."""
    id: Int64[np.ndarray, " n"]
    """Identities; -1 in files of detections."""
    xyxy: Float32[XYXY, " n"]
    """The boxes, in pixels from 0, half-open."""
    score: Float32[np.ndarray, " n"]
    """Scores; in a ground truth, whether a row is evaluated (0 or 1). 1 where the file has none."""
    class_id: Int64[np.ndarray, " n"]
    """Class numbers; -1 where the file has none."""
    visibility: Float32[np.ndarray, " n"]
    """The visible share of the object; 1 where the file has none."""
    duplicates: int
    """How many exact repetitions of rows were left out."""

    def __len__(self) -> int:
        return len(self.frame)


def ground_truth_path(folder: str | Path) -> Path:
    """The path of the ground truth of a sequence in MOTChallenge's layout, ``gt/gt.txt``."""
    return Path(folder) / "gt" / "gt.txt"


def read_ground_truth(folder: str | Path) -> MotRows:
    """Read the ground truth of the sequence in ``folder``, as ``read_mot`` does."""
    return read_mot(ground_truth_path(folder))


def read_mot(path: str | Path) -> MotRows:
    """Read a MOT ``det.txt`` or ``gt.txt``.

    Blank lines, ``#`` comments, a byte-order mark and Windows line ends are ignored, and an empty
    file has no rows. Boxes are taken as they are, including NaN and empty ones.

    Args:
        path: The text file, or a pipe such as ``/dev/stdin``; of at most 128 MiB.

    Returns:
        The file's rows, in its order.

    Raises:
        InputError: The file cannot be read, or a line is not such a row; names the first such line.
    """
    text = _read_text(path)
    lines = [line for _, line in _split_lines(text)]
    unique = list(dict.fromkeys(lines))
    if not unique:
        return _to_rows(np.empty((0, 6)), duplicates=0)
    table = _parse(unique)
    if table is None:
        raise _find_error(path, text, lines)
    return _to_rows(table, duplicates=len(lines) - len(unique))


def _read_text(path: str | Path) -> str:
    """The file's text without comments, its lines ended by newlines only."""
    try:
        data = read_bytes(path, _MOST_BYTES)
        text = data.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except FileNotFoundError:
        raise InputError(f"{path} does not exist; give the path of a MOT text file") from None
    except IsADirectoryError:
        raise InputError(f"{path} is a folder; give the MOT text file inside it") from None
    except UnicodeDecodeError:
        raise InputError(f"{path} is not a text file; {_EXPECTED}") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from None
    return _COMMENT.sub("", text) if "#" in text else text


def _split_lines(text: str) -> Iterator[tuple[int, str]]:
    """The lines that are not blank, without blanks around them, with their numbers from 1."""
    number, end = 1, 0
    for line in _FULL_LINE.finditer(text):
        number += text.count("\n", end, line.start())
        end = line.start()
        if stripped := line[0].strip():
            yield number, stripped


def _parse(lines: list[str]) -> Float64[np.ndarray, "n columns"] | None:
    """The table of lines that are not blank; None where one of them is bad."""
    if max(map(len, lines)) > _LONGEST_LINE or any(map(_EMPTY_FIELD.search, lines)):
        return None
    try:
        separated = (line.replace(",", " ") for line in lines)
        table: np.ndarray = np.loadtxt(separated, comments=None, ndmin=2)
    except ValueError:
        return None
    columns = _integer_columns(table)
    is_good = table.shape[1] >= 6 and all(_are_integers(table, k).all() for k in columns)
    return table if is_good else None


def _integer_columns(table: Float64[np.ndarray, "n columns"]) -> list[int]:
    """The columns that hold whole numbers: frame, id and, in rows of 9, the class."""
    return [0, 1, 7] if table.shape[1] == 9 else [0, 1]


def _are_integers(table: Float64[np.ndarray, "n columns"], column: int) -> np.ndarray:
    """Which rows have a whole number there; frames count from 1."""
    numbers = table[:, column]
    with np.errstate(invalid="ignore"):
        good: np.ndarray = (numbers == np.floor(numbers)) & (np.abs(numbers) < _MAX_INTEGER)
        return good & (numbers >= 1) if column == 0 else good


def _to_rows(table: Float64[np.ndarray, "n columns"], *, duplicates: int) -> MotRows:
    rows, columns = table.shape
    left, top, width, height = table[:, 2:6].T
    with np.errstate(over="ignore", invalid="ignore"):
        corners = np.stack([left - 1, top - 1, left - 1 + width, top - 1 + height], 1)
        xyxy = corners.astype(np.float32)
        score = (table[:, 6] if columns > 6 else np.ones(rows)).astype(np.float32)
        visibility = (table[:, 8] if columns == 9 else np.ones(rows)).astype(np.float32)
    return MotRows(
        frame=table[:, 0].astype(np.int64) - 1,
        id=table[:, 1].astype(np.int64),
        xyxy=xyxy,
        score=score,
        class_id=(table[:, 7] if columns == 9 else -np.ones(rows)).astype(np.int64),
        visibility=visibility,
        duplicates=duplicates,
    )


def _find_error(path: str | Path, text: str, lines: list[str]) -> InputError:
    """The error that names the first bad line of a text that has one; found by halving."""
    columns = len(_split_fields(lines[0][:_LONGEST_LINE]))
    begin, end = 0, len(lines)
    while end - begin > 1:
        middle = (begin + end) // 2
        table = _parse(lines[begin:middle])
        if table is None or table.shape[1] != columns:
            end = middle
        else:
            begin = middle
    number, line = next(islice(_split_lines(text), begin, None))
    return InputError(f"{path}, line {number}: {_describe_error(line, columns)}; {_EXPECTED}")


def _split_fields(line: str) -> list[str]:
    """The fields of a line; a comma at its end is ignored."""
    return [field for part in line.removesuffix(",").split(",") for field in part.split() or [""]]


def _describe_error(line: str, columns: int) -> str:
    """What is wrong with a line, where the first has that many columns."""
    if len(line) > _LONGEST_LINE:
        return f"{len(line)} characters are too many"
    fields = _split_fields(line)
    for column, field in enumerate(fields):
        name = _COLUMN_NAMES[column] if column < len(_COLUMN_NAMES) else f"column {column + 1}"
        if not _is_number(field):
            return f"{name} {format_value(field)} is not a number" if field else f"{name} is empty"
    if len(fields) < 6:
        return f"{len(fields)} columns are too few"
    if len(fields) != columns:
        return f"{len(fields)} columns, where the first row has {columns}"
    table = np.array([fields], np.float64)
    for column in _integer_columns(table):
        if not _are_integers(table, column).all():
            value = format_value(fields[column])
            return f"{_COLUMN_NAMES[column]} {value} is not a whole number in range"
    return "it is not such a row"


def _is_number(field: str) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return field.isascii() and "_" not in field

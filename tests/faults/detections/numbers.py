"""Numbers of all kinds in each column."""

import math
from collections.abc import Iterator

from faults.detections.writing import GOOD, file_case
from helpers.faults.case import Case

__all__ = ["cases"]

_COLUMNS = ("frame", "id", "left", "width", "score")
_ROW = {"frame": "4", "id": "-1", "left": "10", "top": "20", "width": "30", "height": "40"}
_TOKENS = (
    *("1e308", "-1e308", "1e-320", "1e400", "1e-400", "inf", "-inf", "nan", "Infinity", "NaN"),
    *("0x10", "0x1p3", "0b1", "1_0", "\uff11\uff12", "\u0663", "\u22125", "\u00bd", "1d5", "1e"),
    *("-0", "+5", "1.", ".5", "1E5", "--1", "5px", "TRUE", "None", "'5'", '"5"', "1;5", "5\u200b"),
    *("0", "-3", "1.5", "9007199254740991", "9007199254740993", "1e15", "1e6", "1e7", "99999999"),
    *("3.4e38", "3.5e38", "1.17e-38", "9" * 5000, "1" + "0" * 400, "0." + "3" * 5000, "$(ls)"),
)
_QUICK = {("left", "1e308"), ("frame", "9" * 5000), ("frame", "1e15"), ("score", "nan")}


def cases() -> Iterator[Case]:
    """A file with a number in a column, which is read or refused as Python's own reader does."""
    for column in _COLUMNS:
        for token in _TOKENS:
            fields = {**_ROW, "score": "0.5", column: token}
            short = token if len(token) < 20 else f"{token[:3]}... ({len(token)} digits)"
            yield file_case(
                f"{column} {short!a}",
                GOOD + ",".join(fields.values()) + "\n",
                engine="lk-flow" if column in ("left", "width") else "hold",
                expect="done" if _is_valid(column, token) else "refused",
                quick=(column, token) in _QUICK,
            )


def _is_valid(column: str, token: str) -> bool:
    if not token.isascii() or "_" in token:
        return False
    try:
        number = float(token)
    except ValueError:
        return False
    if column not in ("frame", "id"):
        return True
    is_whole = math.isfinite(number) and number.is_integer() and abs(number) < 2**53
    return is_whole and (column == "id" or number >= 1)

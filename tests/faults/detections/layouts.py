"""Columns, separators, line ends, encodings, and rows in any order and number."""

import gzip
from collections.abc import Iterator
from typing import Any

from faults.detections.writing import GOOD, file_case
from helpers.faults.case import Case, Outcome, Trial

__all__ = ["cases"]

_MANY = "".join(f"{k % 3 + 1},-1,{k % 90},{k % 70},9,9,0.{k % 10}\n" for k in range(40000))
_HEADING = "frame,id,left,top,width,height,score\n"

_DONE: dict[str, str | bytes] = {
    "an empty file": "",
    "blank lines only": "\n \n\t\n\r\n",
    "comments only": "# one\n#two",
    "a comment behind a row": GOOD.replace("\n", "  # here, with commas,,\n"),
    "a byte-order mark": b"\xef\xbb\xbf" + GOOD.encode(),
    "Windows line ends": GOOD.replace("\n", "\r\n"),
    "old line ends": GOOD.replace("\n", "\r"),
    "mixed line ends": GOOD.replace("\n", "\r\n", 1).replace("0.5\n", "0.5\r"),
    "blanks for separators": GOOD.replace(",", " "),
    "tabs for separators": GOOD.replace(",", "\t"),
    "commas and blanks": GOOD.replace(",", " , "),
    "commas at the ends": GOOD.replace("\n", ",\n"),
    "no line end at the end": GOOD[:-1],
    "rows in reverse": "".join(reversed(GOOD.splitlines(keepends=True))),
    "each row a thousand times": GOOD * 1000,
    "forty thousand rows on three frames": _MANY,
    "one frame in a million million": GOOD + "1000000000000,-1,10,20,30,40,1\n",
    "frames beyond the end": "900000,-1,10,20,30,40,1\n",
    "six columns": "1,-1,10,20,30,40\n",
    "nine columns": "1,1,10,20,30,40,1,7,0.5\n",
    "ten columns": "1,-1,10,20,30,40,1,-1,-1,-1\n",
    "a thousand columns": "1,-1,10,20,30,40" + ",1" * 994 + "\n",
    "all boxes without size": GOOD.replace("30,40", "0,0"),
    "all boxes of negative size": GOOD.replace("30,40", "-30,-40"),
    "all boxes outside": GOOD.replace("20,30", "2000,30"),
    "all boxes as large as can be": GOOD.replace(",30,40", ",1e6,1e6"),
    "all boxes of a millionth of a pixel": GOOD.replace("30,40", "1e-6,1e-6"),
    "three thousand boxes on a frame": "".join(
        f"1,{k},{k % 150},{k // 30},9,9,0.{k % 9}\n" for k in range(3000)
    ),
    "scores of all magnitudes": "".join(
        f"1,-1,{k},20,30,40,{sign}1e{power}\n"
        for k, (sign, power) in enumerate((s, p) for s in ("", "-") for p in range(-40, 41, 5))
    ),
    "scores that are all NaN": GOOD.replace("0.5", "nan"),
    "scores that are all 0": GOOD.replace("0.5", "0"),
    "scores below 0": GOOD.replace("0.5", "-7"),
    "a class in the ninth column of the largest number": "1,1,10,20,30,40,1,9007199254740991,1\n",
}
_REFUSED: dict[str, str | bytes] = {
    "five columns": "1,-1,10,20,30\n",
    "one column": "1\n",
    "ragged rows": GOOD + "4,-1,10,20,30,40\n",
    "a row that is cut off": GOOD[:-12],
    "a heading": _HEADING + GOOD,
    "semicolons": GOOD.replace(",", ";"),
    "pipes": GOOD.replace(",", "|"),
    "quotes": '"1","-1","10","20","30","40","0.5"\n',
    "decimal commas": "1;-1;10,5;20,5;30,5;40,5;0,5\n",
    "an empty field": GOOD.replace("20", ""),
    "a comma at the beginning": "," + GOOD,
    "two commas at the end": GOOD.replace("\n", ",,\n"),
    "a class that is no whole number": "1,1,10,20,30,40,1,1.5,1\n",
    "UTF-16": GOOD.encode("utf-16"),
    "UTF-32": GOOD.encode("utf-32"),
    "null bytes": GOOD.replace(",", ",\0"),
    "a null byte behind a megabyte": GOOD.encode() * 20000 + b"\0",
    "Latin-1": "# é\n".encode("latin-1") + GOOD.encode(),
    "broken UTF-8": b"\xc3(\n" + GOOD.encode(),
    "half a character": "\udc80" + GOOD,
    "gzip": gzip.compress(GOOD.encode()),
    "an image": b"\x89PNG\r\n\x1a\n" + bytes(range(256)),
    "JSON": '{"frame": 1, "boxes": [[10, 20, 30, 40]]}\n',
    "XML": "<detections><frame number='1'/></detections>\n",
    "a line of ten megabytes": GOOD + "1," * 5_000_000 + "1\n",
    "a word of ten megabytes": GOOD + "x" * 10_000_000 + "\n",
    "a bad row behind a million good ones": "".join(
        f"{k},-1,1,1,5,5,1\n" for k in range(1, 1_000_001)
    )
    + "bad\n",
    "terminal sequences": GOOD + "\x1b[2J\x1b[31m,1,1,1,1,1,1\n",
    "format characters": GOOD + "%s%n{0}{path},1,1,1,1,1,1\n",
    "frame 0": "0,-1,10,20,30,40,1\n",
    "a frame below 0": "-5,-1,10,20,30,40,1\n",
}
_QUICK = (
    *("an empty file", "a byte-order mark", "ragged rows", "UTF-16", "a word of ten megabytes"),
    *(
        "three thousand boxes on a frame",
        "one frame in a million million",
        "all boxes as large as can be",
    ),
)


def cases() -> Iterator[Case]:
    """Files that are read, and those that are refused with a sentence."""
    large: dict[str, Any] = {"engine": "lk-flow"}
    crowded: dict[str, Any] = {**large, "check": _check_note}
    for name, content in _DONE.items():
        options = large if name.startswith("all boxes") else {}
        options = crowded if name.startswith("three thousand") else options
        yield file_case(name, content, expect="done", quick=name in _QUICK, **options)
    for name, content in _REFUSED.items():
        yield file_case(name, content, expect="refused", quick=name in _QUICK)


def _check_note(_: Trial, outcome: Outcome) -> str:
    has_note = "note: 2000 detections beyond the 1000 most confident" in outcome.stdout
    return "" if has_note else f"no note on what was left out: {outcome.stdout!r}"

"""Marks in Markdown: the places that are filled, and what with.

A figure stands on lines of its own; a value stands inside a sentence, and never begins a line,
since Markdown would take it for a block::

    <!-- figure: KIND results=NAME key=value key="two words" -->
    <!-- end of figure -->

    ... loses <!-- value: KIND results=NAME row="lk-flow" column="k = 5" -->?<!-- end --> points

Comments in fenced code and in code spans are text.
"""

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from textwrap import indent

from mvot_plugin.errors import InputError

__all__ = ["Mark", "MarkError", "find_marks", "mask_fences", "replace_marks"]

FIGURE, VALUE = "figure", "value"
_ENDS = {FIGURE: "end of figure", VALUE: "end"}
_FENCE = re.compile(r"[ ]{0,3}(?P<fence>`{3,}|~{3,})(?P<info>.*)")
_TOKEN = re.compile(
    r"<!--(?P<comment>.*?)-->|(?P<ticks>`+)(?!`)(?:(?!\n[ \t]*\n).)+?(?<!`)(?P=ticks)(?!`)", re.S
)
_BEGINS_LINE = re.compile(r"(?:\A|\n)[ \t>]*(?:[-*+][ \t]+|\d+[.)][ \t]+)?\Z")
_LINE_BREAK = re.compile(r"(?<=\S)[ \t]*\n[ \t]*\Z")


class MarkError(InputError):
    """A mark that cannot be filled."""

    def __init__(self, line: int, reason: object) -> None:
        super().__init__(reason)
        self.line = line


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A place to fill."""

    line: int
    """The line that it begins on, from 1."""
    type: str
    """``FIGURE`` or ``VALUE``."""
    kind: str
    """What it is filled with."""
    keys: Mapping[str, str]
    """Its keys, without those of the cell."""
    cell: Mapping[str, str] = field(default_factory=dict)
    """Of a value: row, column and part."""
    start: int
    """Where the first comment begins in the text."""
    stop: int
    """Where the last comment ends."""
    opening: str
    """The first comment."""
    closing: str
    """The last comment."""
    margin: str
    """The blanks before a figure's first comment."""

    def __str__(self) -> str:
        return f"{self.type}: {self.kind} results={self.keys.get('results', '')}".rstrip()

    def fill(self, content: str) -> str:
        """The mark with its content, as it stands in the text."""
        if self.type == VALUE:
            return f"{self.opening}{content}{self.closing}"
        block = indent(content, self.margin)
        return f"{self.opening}\n\n{block}\n\n{self.margin}{self.closing}"


def mask_fences(text: str) -> str:
    """The text with blanks in the place of fenced code, line by line of the same length."""
    lines, fence = [], ""
    for line in text.splitlines(keepends=True):
        found = _FENCE.match(line)
        is_code = bool(fence) or found is not None
        if fence and found and found["fence"].startswith(fence) and not found["info"].strip():
            fence = ""
        elif not fence and found and not ("`" in found["fence"] and "`" in found["info"]):
            fence = found["fence"]
        elif not fence:
            is_code = False
        lines.append(re.sub(r"[^\r\n]", " ", line) if is_code else line)
    return "".join(lines)


def find_marks(text: str) -> list[Mark]:
    """The marks of a document, in order.

    Raises ``MarkError`` for one that has no end, an end without a mark, a figure that does not
    stand on lines of its own, and keys that cannot be read.
    """
    marks: list[Mark] = []
    opened: tuple[str, int, str, re.Match[str]] | None = None
    for comment, body in _find_comments(text):
        line = text.count("\n", 0, comment.start()) + 1
        type_, colon, keys = (part.strip() for part in body.partition(":"))
        if opened is not None:
            if body != _ENDS[opened[0]]:
                raise MarkError(opened[1], f"the {opened[0]} has no <!-- {_ENDS[opened[0]]} -->")
            marks.append(_build_mark(text, *opened, comment))
            opened = None
        elif colon and type_ in _ENDS:
            opened = type_, line, keys, comment
        else:
            raise MarkError(line, f"<!-- {body} --> ends nothing")
    if opened is not None:
        raise MarkError(opened[1], f"the {opened[0]} has no <!-- {_ENDS[opened[0]]} -->")
    return marks


def _find_comments(text: str) -> Iterator[tuple[re.Match[str], str]]:
    """The comments that begin or end marks, with their bodies."""
    for token in _TOKEN.finditer(mask_fences(text)):
        body = " ".join((token["comment"] or "").split())
        if body in _ENDS.values() or body.partition(":")[0].strip() in _ENDS:
            yield token, body


def _build_mark(
    text: str, type_: str, line: int, keys: str, first: re.Match[str], last: re.Match[str]
) -> Mark:
    before = text[: first.start()].rpartition("\n")[2]
    if type_ == FIGURE:
        around = before, *(text[one.end() :].partition("\n")[0] for one in (first, last))
        around = *around, text[: last.start()].rpartition("\n")[2]
        if any(part.strip() for part in around):
            raise MarkError(line, "a figure and its end stand on lines of their own")
    kind, named = _parse_keys(line, keys)
    cell = {}
    if type_ == VALUE:
        cell = {name: value for name, value in named if _is_of_cell(name, value)}
        named = [one for one in named if not _is_of_cell(*one)]
    if len(dict(named)) < len(named):
        raise MarkError(line, f"{type_} {kind} has a key twice")
    return Mark(
        line=line,
        type=type_,
        kind=kind,
        keys=dict(named),
        cell=cell,
        start=first.start(),
        stop=last.end(),
        opening=text[first.start() : first.end()],
        closing=text[last.start() : last.end()],
        margin=before if type_ == FIGURE else "",
    )


def _is_of_cell(name: str, value: str) -> bool:
    """Whether a key names a cell of a table; a part of a cell is a number."""
    return name in ("row", "column") or (name == "part" and value.isdigit())


def _parse_keys(line: int, text: str) -> tuple[str, list[tuple[str, str]]]:
    """The kind, and the keys with their values."""
    try:
        kind, *words = shlex.split(text) or [""]
    except ValueError as error:
        raise MarkError(line, f"{text!r} cannot be read: {error}") from error
    pairs = [word.partition("=") for word in words]
    for name, equals, _ in pairs:
        if not equals:
            raise MarkError(line, f"{name!r} is no key=value; put quotes around blanks")
    return kind, [(name, value) for name, _, value in pairs]


def replace_marks(text: str, marks: Sequence[Mark], contents: Sequence[str]) -> str:
    """The document with the contents in its marks.

    A value that begins a line is moved to the end of the line before. Raises ``MarkError`` for
    one that begins a paragraph.
    """
    filled, place = "", 0
    for mark, content in zip(marks, contents, strict=True):
        filled += text[place : mark.start]
        if mark.type == VALUE:
            filled = _LINE_BREAK.sub(" ", filled)
            if _BEGINS_LINE.search(filled):
                raise MarkError(
                    mark.line, "a value may not begin a paragraph: put a word before it"
                )
        filled += mark.fill(content)
        place = mark.stop
    return filled + text[place:]

"""``mvot-bench report --documents``: fills the marks of Markdown files, or checks them."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mvot_benchmarks.documents.keys import Keys
from mvot_benchmarks.documents.kinds import KINDS, PICTURE, build_tables
from mvot_benchmarks.documents.marks import VALUE, Mark, MarkError, find_marks, replace_marks
from mvot_benchmarks.documents.pictures import (
    PICTURE_KEYS,
    Picture,
    build_picture,
    draw,
    is_current,
)
from mvot_benchmarks.documents.provenance import describe_provenance
from mvot_benchmarks.documents.tables import find_cell
from mvot_benchmarks.reporting.report import KINDS as COMMANDS
from mvot_benchmarks.reporting.results import Results, read_results
from mvot_plugin.errors import InputError, MvotError, OutputError, UsageError, unknown_name

__all__ = [
    "Document",
    "Stored",
    "find_documents",
    "list_pictures",
    "read_documents",
    "write_documents",
]

_NAME = re.compile(r"\w[\w.-]*")


class Stored:
    """The files of results of a folder; each is read once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._runs: dict[str, tuple[Results[Any], bytes]] = {}

    def get(self, name: str) -> tuple[Results[Any], bytes]:
        """The results of a name, and their file's content.

        Raises ``UsageError`` where there is no such file, ``InputError`` for one that is damaged.
        """
        if not _NAME.fullmatch(name):
            raise UsageError(f"results={name}: give the name of a file of results, without .json")
        if name not in self._runs:
            path = self._folder / f"{name}.json"
            if not path.is_file():
                raise UsageError(f"there is no {path}")
            kinds = {command: kind for command, (kind, _) in COMMANDS.items()}
            self._runs[name] = read_results(path, kinds), path.read_bytes()
        return self._runs[name]


@dataclass(kw_only=True)
class Document:
    """A Markdown file, and what it should be."""

    path: Path
    """The file."""
    old: str
    """What it is."""
    new: str = ""
    """What it should be."""
    pictures: dict[Path, Picture] = field(default_factory=dict)
    """The pictures that it shows."""
    count: int = 0
    """The number of its marks."""
    problems: list[str] = field(default_factory=list)
    """Marks that cannot be filled: file, line, and why."""
    differences: list[str] = field(default_factory=list)
    """Marks whose content is another, and pictures of other results: file, line and mark."""


def find_documents(paths: Sequence[Path]) -> list[Path]:
    """The files among some paths, and the ``.md`` files in folders.

    Raises ``InputError`` for a path that is not there.
    """
    return [path for given in paths for path in _list_documents(given)]


def _list_documents(path: Path) -> Iterator[Path]:
    if path.is_dir():
        yield from sorted(path.rglob("*.md"))
    elif path.is_file():
        yield path
    else:
        raise InputError(f"{path}: there is no such file or folder")


def read_documents(paths: Sequence[Path], results: Path) -> list[Document]:
    """Read the documents, and work out what each should be. Writes nothing."""
    stored = Stored(results)
    return [_read_document(path, stored) for path in find_documents(paths)]


def _read_document(path: Path, stored: Stored) -> Document:
    try:
        document = Document(path=path, old=path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read: {error}") from error
    document.new = document.old
    try:
        marks = find_marks(document.old)
        document.count = len(marks)
        contents = _fill_marks(document, marks, stored)
        if not document.problems:
            document.new = replace_marks(document.old, marks, contents)
    except MarkError as error:
        document.problems.append(f"{path}:{error.line}: {error}")
    if document.new != document.old and not document.differences:
        document.differences.append(f"{path}: a value begins a line")
    return document


def _fill_marks(document: Document, marks: Sequence[Mark], stored: Stored) -> list[str]:
    """The contents of the marks; what is wrong with them is added to the document."""
    contents = []
    said = {mark.keys.get("results") for mark in marks if _has_provenance(mark)}
    for mark in marks:
        content, place = "", f"{document.path}:{mark.line}: "
        try:
            content = _fill_mark(document, mark, stored, said)
        except MvotError as error:
            document.problems.append(f"{place}{mark}: {error}")
        if document.old[mark.start : mark.stop] != mark.fill(content):
            document.differences.append(f"{place}{mark}")
        contents.append(content)
    return contents


def _has_provenance(mark: Mark) -> bool:
    """Whether a mark is a table with its provenance."""
    is_table = mark.type != VALUE and mark.kind != PICTURE
    return is_table and mark.keys.get("provenance") != "no"


def _fill_mark(document: Document, mark: Mark, stored: Stored, said: set[str | None]) -> str:
    """The content of a mark; a picture is added to the document."""
    if mark.kind not in KINDS and (mark.kind != PICTURE or mark.type == VALUE):
        raise unknown_name("kind", mark.kind, [*KINDS, PICTURE])
    name = mark.keys.get("results", "")
    run, content = stored.get(name)
    if mark.type == VALUE:
        return _find_value(mark, run)
    if mark.kind == PICTURE:
        keys = Keys(mark.keys, PICTURE_KEYS)
        picture, block = build_picture(run, content, name, keys, document.path)
        document.pictures[picture.path] = picture
        is_traced = keys.is_on("provenance", name not in said)
    else:
        block = "\n\n".join(one.to_markdown() for one in build_tables(mark.kind, run, mark.keys))
        is_traced = Keys(mark.keys, mark.keys).is_on("provenance", True)
    return f"{block}\n\n{describe_provenance(run, name)}" if is_traced else block


def _find_value(mark: Mark, run: Results[Any]) -> str:
    for name in ("row", "column"):
        if name not in mark.cell:
            raise UsageError(f"a value needs {name}=")
    part = int(mark.cell["part"]) if "part" in mark.cell else None
    tables = build_tables(mark.kind, run, mark.keys)
    return find_cell(tables, mark.cell["row"], mark.cell["column"], part)


def list_pictures(documents: Sequence[Document]) -> Mapping[Path, Picture]:
    """The pictures of all documents by their files."""
    return {path: one for document in documents for path, one in document.pictures.items()}


def write_documents(documents: Sequence[Document]) -> list[Path]:
    """Write the documents that change, and the pictures of other results; returns their paths.

    Raises ``OutputError`` where a file cannot be written, ``UsageError`` without matplotlib.
    """
    files = {
        path: draw(picture)
        for path, picture in list_pictures(documents).items()
        if not is_current(picture)
    }
    files |= {one.path: one.new.encode() for one in documents if one.new != one.old}
    for path, data in files.items():
        _write_file(path, data)
    return list(files)


def _write_file(path: Path, data: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from error

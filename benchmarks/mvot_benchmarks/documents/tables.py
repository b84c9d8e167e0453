"""Tables of results: read from the Markdown of the commands, narrowed, and written again."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from mvot_plugin.errors import UsageError, unknown_name

__all__ = ["Table", "find_cell", "parse_tables", "split_names"]

_BETWEEN_PARTS = re.compile(r" / |, | ?\(|\)")
"""What stands between the numbers of a cell, as in "71.2 / 70.9 (5), 67 ms"."""


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table; the first cell of a row is the row's name."""

    heading: str
    """The heading of the names of the rows."""
    columns: tuple[str, ...]
    """The headings of the other columns."""
    rows: tuple[tuple[str, ...], ...]
    """The cells of each row, with its name."""

    @classmethod
    def of_cells(
        cls, heading: str, columns: Iterable[str], cells: Mapping[tuple[str, str], str]
    ) -> "Table":
        """A table of cells by row and column; a cell that is missing stays empty."""
        columns = tuple(columns)
        names = dict.fromkeys(name for name, _ in cells)
        rows = ((name, *(cells.get((name, one), "") for one in columns)) for name in names)
        return cls(heading=heading, columns=columns, rows=tuple(rows))

    @property
    def names(self) -> list[str]:
        """The names of the rows."""
        return [row[0] for row in self.rows]

    def to_markdown(self) -> str:
        """The table as Markdown."""
        lines = [self.heading, *self.columns], ["---"] * (1 + len(self.columns)), *self.rows
        return "\n".join(f"| {' | '.join(line)} |" for line in lines)

    def choose_rows(self, names: str) -> "Table":
        """The rows of a list of names, in its order."""
        chosen = split_names(names, {name: name for name in self.names}, "row")
        return replace(self, rows=tuple(row for name in chosen for row in self._called(name)))

    def choose_columns(self, names: str) -> "Table":
        """The columns of a list of headings, in its order."""
        chosen = split_names(names, self._headings(), "column")
        places = [self.columns.index(name) for name in chosen]
        rows = ((row[0], *(row[1 + place] for place in places)) for row in self.rows)
        return replace(self, columns=tuple(chosen), rows=tuple(rows))

    def leave_out(self, *columns: str) -> "Table":
        """The table without these columns, where it has them."""
        places = [number for number, name in enumerate(self.columns) if name not in columns]
        rows = ((row[0], *(row[1 + place] for place in places)) for row in self.rows)
        columns = tuple(self.columns[place] for place in places)
        return replace(self, columns=columns, rows=tuple(rows))

    def where(self, column: str, values: str) -> "Table":
        """The rows that have one of these values in a column; at least one has each."""
        index = 1 + self.columns.index(column)
        known = {row[index]: row[index] for row in self.rows}
        chosen = split_names(values, known, column)
        return replace(self, rows=tuple(row for row in self.rows if row[index] in chosen))

    def transpose(self, heading: str) -> "Table":
        """Columns as rows, and rows as columns."""
        rows = zip(self.columns, *(row[1:] for row in self.rows), strict=True)
        return Table(heading=heading, columns=tuple(self.names), rows=tuple(rows))

    def cell(self, row: str, column: str, part: int | None = None) -> str:
        """The text of a cell, or of one of its parts, counted from 1.

        Raises ``UsageError`` for a row, column or part that is not there.
        """
        (heading,) = split_names(column, self._headings(), "column")[:1]
        found = self._called(row)
        if len(found) > 1:
            raise UsageError(f"{len(found)} rows are called {row!r}; narrow them down by keys")
        if not found:
            raise unknown_name("row", row, self.names)
        text = found[0][1 + self.columns.index(heading)].replace("**", "")
        parts = [one for one in _BETWEEN_PARTS.split(text) if one]
        if not parts:
            raise UsageError(f"the cell of row {row!r} and column {column!r} is empty")
        if part is None:
            return text
        if not 1 <= part <= len(parts):
            raise UsageError(f"part={part}: {text!r} has {len(parts)}")
        return parts[part - 1]

    def _called(self, name: str) -> list[tuple[str, ...]]:
        return [row for row in self.rows if row[0] == name]

    def _headings(self) -> dict[str, str]:
        """The headings by what names them: the heading, or what stands before its bracket."""
        return {one.partition(" (")[0]: one for one in self.columns[::-1]} | {
            one: one for one in self.columns
        }


def split_names(text: str, known: Mapping[str, str], noun: str) -> list[str]:
    """The values of a list of known names, with commas between them and in some of them.

    Raises ``UsageError`` for an unknown name.
    """
    pieces, values = text.split(","), list[str]()
    while pieces:
        for count in range(len(pieces), 0, -1):
            name = ",".join(pieces[:count]).strip()
            if name in known:
                break
        else:
            raise unknown_name(noun, pieces[0].strip(), known)
        values.append(known[name])
        del pieces[:count]
    return values


def parse_tables(markdown: str) -> list[Table]:
    """The tables of Markdown that the commands print, which have empty lines between them."""
    return [_parse(block) for block in markdown.split("\n\n") if block.startswith("|")]


def _parse(block: str) -> Table:
    head, _, *rows = (
        tuple(cell.strip() for cell in line.strip().removeprefix("|").removesuffix("|").split("|"))
        for line in block.splitlines()
    )
    return Table(heading=head[0], columns=head[1:], rows=tuple(rows))


def find_cell(tables: Sequence[Table], row: str, column: str, part: int | None = None) -> str:
    """The text of a cell of the one table that has its row, see ``Table.cell``."""
    having = [table for table in tables if row in table.names]
    if len(having) > 1:
        raise UsageError(f"{len(having)} tables have a row {row!r}; narrow them down by keys")
    if not having:
        raise unknown_name("row", row, dict.fromkeys(n for one in tables for n in one.names))
    return having[0].cell(row, column, part)

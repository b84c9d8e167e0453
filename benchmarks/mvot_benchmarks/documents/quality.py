"""Tables of MOTA, IDF1 and HOTA: engines by k, in real time too, and what they consist of."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from mvot_benchmarks.ceiling import tables as ceiling_tables
from mvot_benchmarks.documents.keys import Keys
from mvot_benchmarks.documents.tables import Table, parse_tables
from mvot_benchmarks.intervals import tables as interval_tables
from mvot_benchmarks.mot import MotResult
from mvot_benchmarks.peers.comparison import to_mot_results
from mvot_benchmarks.reporting.results import Results
from mvot_benchmarks.reporting.summaries import average_runs, summarise_sequences
from mvot_benchmarks.reporting.tables import (
    ALL_TOGETHER,
    QUALITIES,
    QUALITY_HEADING,
    RowT,
    format_shares,
    group_across_sequences,
    group_rows,
    label_detectors,
    pool_rows,
)
from mvot_plugin.errors import UsageError, unknown_name

__all__ = [
    "build_ceiling",
    "build_grid",
    "build_intervals",
    "build_quality",
    "build_summary",
    "choose_scores",
    "read_quality",
    "select_sequences",
]

MEAN, ALL, EACH = "mean", "all", "each"
"""Over the sequences: the mean of their scores, the scores of all as one, and a column for each."""


def read_quality(run: Results[Any]) -> list[MotResult]:
    """The rows of ``mot`` or ``peers`` that are of tracking, with their runs averaged."""
    rows = to_mot_results(run.rows) if run.command == "peers" else run.rows
    return label_detectors(average_runs(rows))


def build_quality(run: Results[Any], keys: Keys) -> list[Table]:
    """Scores of engines by k, or by sequence."""
    names = keys.choices("scores", list(QUALITIES))
    title = " / ".join(QUALITIES[name] for name in names)
    is_spread = keys.is_on("spread", False)

    def pool(rows: Sequence[MotResult]) -> MotResult:
        return pool_rows(rows, "frames")

    def measure(row: MotResult) -> list[float]:
        return [getattr(row.scores, name) for name in names]

    return [build_grid(read_quality(run), keys, title, measure, pool, is_spread)]


def build_grid(
    rows: Sequence[RowT],
    keys: Keys,
    title: str,
    measure: Callable[[RowT], list[float]],
    pool: Callable[[Sequence[RowT]], RowT],
    is_spread: bool = False,
    form: Callable[[list[float]], str] = format_shares,
) -> Table:
    """A table of engines by k, or by sequence where the key ``over`` is "each"."""
    over = keys.text("over", MEAN)
    rows, label = select_sequences(rows, over)
    rows = _choose_ks(rows, keys)
    if over == EACH and len({row.k for row in rows}) > 1:
        raise UsageError("over=each has a column for each sequence: say one k=")
    cells = {}
    for group in group_rows(rows, "engine", "sequence" if over == EACH else "k"):
        values = [measure(row) for row in group]
        if over == ALL:
            values = [measure(pool(group))]
        text = form(np.mean(values, axis=0).tolist())
        if is_spread and over == MEAN:
            text = _add_spread(text, values)
        column = group[0].sequence if over == EACH else f"k = {group[0].k}"
        cells[group[0].engine, column] = text
    columns = dict.fromkeys(row.sequence for row in rows)
    if over != EACH:
        columns = dict.fromkeys(f"k = {k}" for k in sorted({row.k for row in rows}))
    return Table.of_cells(f"{title}, {label}" if label else title, columns, cells)


def select_sequences(rows: Sequence[RowT], over: str) -> tuple[list[RowT], str]:
    """The rows that are meant by the key ``over``, and what they are called in a heading.

    Of several sequences, only the engines and k that all were measured with. Raises
    ``UsageError`` for an unknown sequence, and a mean of a single one.
    """
    names = list(dict.fromkeys(row.sequence for row in rows))
    if over not in (MEAN, ALL, EACH):
        if over not in names:
            raise unknown_name("over", over, [MEAN, ALL, EACH, *names])
        return [row for row in rows if row.sequence == over], over
    if over == EACH:
        return list(rows), ""
    if len(names) < 2:
        raise UsageError(f"the results are of one sequence: say over={names[0]}")
    groups = group_across_sequences(rows, "engine", "k", "detector")
    label = f"mean of {len(names)} sequences" if over == MEAN else f"{len(names)} sequences as one"
    return [row for group in groups for row in group], label


def _choose_ks(rows: Sequence[RowT], keys: Keys) -> list[RowT]:
    known = [str(k) for k in sorted({row.k for row in rows})]
    chosen = keys.choices("k", known)
    return [row for row in rows if str(row.k) in chosen]


def _add_spread(text: str, values: list[list[float]]) -> str:
    """Each mean with the standard deviation over the sequences (N - 1 in the denominator)."""
    spread = format_shares(np.std(values, axis=0, ddof=1).tolist())
    pairs = zip(text.split(" / "), spread.split(" / "), strict=True)
    return " / ".join(f"{mean}±{wide}" for mean, wide in pairs)


def build_summary(run: Results[Any], keys: Keys) -> list[Table]:
    """One row for each "engine@k": its scores in the mean, and its time with a detector."""
    rows = read_quality(run)
    _, label = select_sequences(rows, MEAN)
    means = {f"{one.engine}@{one.k}": one for one in summarise_sequences(rows)}
    detector = keys.number("detector") or 0.0
    cells = []
    for name in keys.choices("rows", list(means)):
        mean = means[name]
        shares = (f"{100 * share:.1f}" for share in mean.mean)
        cost = f"{mean.milliseconds + detector / mean.k:.1f}"
        cells.append((mean.engine, f"{_to_ordinal(mean.k)} frame", *shares, cost))
    columns = "detector on", *QUALITIES.values(), "ms/frame"
    return [Table(heading=label, columns=columns, rows=tuple(cells))]


def _to_ordinal(k: int) -> str:
    """Every how many: "every 5th", and "every" for 1."""
    ending = {1: "st", 2: "nd", 3: "rd"}.get(k % 10 if k % 100 not in (11, 12, 13) else 0, "th")
    return "every" if k == 1 else f"every {k}{ending}"


def build_intervals(run: Results[Any], keys: Keys) -> list[Table]:
    """What decides when to detect: at equal calls, or (table=all) every interval."""
    tables = parse_tables(interval_tables.format_table(run.rows))
    if keys.choice("table", ["equal", "all"]) == "all":
        return tables[:1]
    equal = [choose_scores(table, keys) for table in tables[1:]]
    if "k" in keys:
        columns = ",".join(f"k = {k.strip()}" for k in keys.text("k").split(","))
        equal = [table.choose_columns(columns) for table in equal]
    return equal


def build_ceiling(run: Results[Any], keys: Keys) -> list[Table]:
    """Points that are missing by part, or (table=runs) the scores with perfect parts."""
    names = list(dict.fromkeys(row.sequence for row in ceiling_tables.add_pooled(run.rows)))
    known = [ALL, *names] if ALL_TOGETHER in names else names
    over = keys.choice("over", known)
    name = ALL_TOGETHER if over == ALL else over
    points = "points of " if keys.choice("table", ["missing", "runs"]) == "missing" else ""
    heading = f"{name}: {points}{QUALITY_HEADING}"
    tables = parse_tables(ceiling_tables.format_table(run.rows))
    (table,) = (one for one in tables if one.heading == heading)
    if "k" in keys:
        table = table.where("k", keys.text("k"))
    is_one = len(set(table.names)) == 1
    rows = tuple(
        (f"k = {k}" if is_one else f"{engine}, k = {k}", *cells) for engine, k, *cells in table.rows
    )
    label = f"{points}{QUALITY_HEADING}, {name}"
    if is_one:
        label = f"{table.names[0]}: {label}"
    table = Table(heading=label, columns=table.columns[1:], rows=rows)
    return [choose_scores(table, keys)]


def choose_scores(table: Table, keys: Keys) -> Table:
    """A table of cells of ``QUALITY_HEADING``, with only those of the key ``scores``."""
    names = keys.choices("scores", list(QUALITIES))
    places = [list(QUALITIES).index(name) for name in names]
    title = " / ".join(QUALITIES[name] for name in names)
    rows = tuple((name, *(_pick(cell, places) for cell in cells)) for name, *cells in table.rows)
    return replace(table, heading=table.heading.replace(QUALITY_HEADING, title), rows=rows)


def _pick(cell: str, places: Sequence[int]) -> str:
    parts = cell.split(" / ")
    return " / ".join(parts[place] for place in places) if cell else cell

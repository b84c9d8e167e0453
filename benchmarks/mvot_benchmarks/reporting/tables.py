"""Markdown tables of the quality of tracking: engines by k, for each sequence and all together."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol, TypeVar, runtime_checkable

from mvot_benchmarks.metrics.scoring import Scores, pool_scores

__all__ = [
    "ALL_TOGETHER",
    "QUALITIES",
    "QUALITY_HEADING",
    "Cell",
    "Row",
    "format_counts",
    "format_grid",
    "format_quality",
    "format_shares",
    "group_across_sequences",
    "group_rows",
    "label_detectors",
    "pool_rows",
]

QUALITIES: Mapping[str, str] = {"mota": "MOTA", "idf1": "IDF1", "hota": "HOTA"}
"""The fields of ``Scores`` that tables and plots show, and their names there."""
QUALITY_HEADING = " / ".join(QUALITIES.values())
"""What ``format_quality`` writes, as the heading of a table."""
ALL_TOGETHER = "all together"
"""The label in tables of all sequences of a run as one."""


@runtime_checkable
class Cell(Protocol):
    """What a table of engines by k shows in a cell."""

    @property
    def engine(self) -> str:
        """The engine's name."""

    @property
    def k(self) -> int:
        """The detector's interval in frames."""

    @property
    def milliseconds(self) -> float:
        """The mean time of a frame."""


@runtime_checkable
class Row(Cell, Protocol):
    """The result of tracking one sequence."""

    @property
    def sequence(self) -> str:
        """The sequence's name."""

    @property
    def scores(self) -> Scores:
        """The quality of the tracks."""

    @property
    def detector(self) -> str:
        """The detector's name."""


RowT = TypeVar("RowT", bound=Row)


def label_detectors(rows: Sequence[RowT]) -> list[RowT]:
    """Add the detector to the engine's name, where the rows are of several detectors."""
    if len({row.detector for row in rows}) < 2:
        return list(rows)
    label = "{0.engine}, {0.detector}".format
    return [replace(row, engine=label(row)) for row in rows]  # type: ignore[type-var]


def group_across_sequences(rows: Sequence[RowT], *names: str) -> list[list[RowT]]:
    """Group rows that agree in the fields ``names``; only groups with a row of every sequence.

    There are no groups where all rows are of one sequence.
    """
    sequences = len({row.sequence for row in rows})
    return [group for group in group_rows(rows, *names) if len(group) == sequences > 1]


def group_rows(rows: Sequence[RowT], *names: str) -> list[list[RowT]]:
    """Group rows that agree in the fields ``names``, in the order of their first rows."""
    groups: dict[tuple[Any, ...], list[RowT]] = {}
    for row in rows:
        groups.setdefault(tuple(getattr(row, name) for name in names), []).append(row)
    return list(groups.values())


def pool_rows(rows: Sequence[RowT], weight: str, *summed: str) -> RowT:
    """Combine rows of several sequences; the fields ``weight`` and ``summed`` are added up.

    Milliseconds are the mean weighted by ``weight``.
    """
    sums = {name: sum(getattr(row, name) for row in rows) for name in (weight, *summed)}
    total = sum(row.milliseconds * getattr(row, weight) for row in rows)
    return replace(  # type: ignore[type-var]
        rows[0],
        sequence=ALL_TOGETHER,
        scores=pool_scores([row.scores for row in rows]),
        milliseconds=total / sums[weight],
        **sums,
    )


def format_grid(title: str, results: Sequence[Cell], format_cell: Callable[[Any], str]) -> str:
    """A Markdown table of engines by k, with the time at the slowest k.

    A k that was not measured stays empty.
    """
    ks = sorted({result.k for result in results})
    lines = [
        f"| {title} | {' | '.join(f'k = {k}' for k in ks)} | ms/frame |",
        f"| --- |{' --- |' * (len(ks) + 1)}",
    ]
    for engine in dict.fromkeys(result.engine for result in results):
        by_k = {result.k: result for result in results if result.engine == engine}
        cells = (format_cell(by_k[k]) if k in by_k else "" for k in ks)
        slowest = max(result.milliseconds for result in by_k.values())
        lines.append(f"| {engine} | {' | '.join(cells)} | {slowest:.1f} |")
    return "\n".join(lines)


def format_quality(result: Row) -> str:
    """The ``QUALITIES`` of a result, in percent."""
    return format_shares(getattr(result.scores, quality) for quality in QUALITIES)


def format_shares(shares: Iterable[float]) -> str:
    """Shares in percent, as ``QUALITY_HEADING`` has them."""
    return " / ".join(f"{100 * share:.1f}" for share in shares)


def format_counts(title: str, results: Sequence[Row]) -> str:
    """A Markdown table of the counts behind the scores: a row for each engine and k.

    IDs are identity switches, Frag fragmentations, FP and FN boxes; MT and ML are the mostly
    tracked and mostly lost trajectories.
    """
    lines = [
        f"| {title} | k | MOTA | IDF1 | HOTA | IDs | Frag | FP | FN | MT | ML |",
        f"| --- |{' --- |' * 10}",
    ]
    for result in results:
        scores = result.scores
        shares = " | ".join(f"{100 * getattr(scores, quality):.1f}" for quality in QUALITIES)
        lines.append(
            f"| {result.engine} | {result.k} | {shares} | {scores.switches} | "
            f"{scores.fragmentations} | {scores.false_positives} | {scores.misses} | "
            f"{scores.mostly_tracked} | {scores.mostly_lost} |"
        )
    return "\n".join(lines)

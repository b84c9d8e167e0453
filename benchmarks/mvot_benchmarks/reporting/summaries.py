"""The quality of tracking over several runs, and over several sequences with its spread."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Protocol, TypeAlias, TypeVar, runtime_checkable

import numpy as np
from jaxtyping import Float64

from mvot_benchmarks.metrics.scoring import Scores
from mvot_benchmarks.reporting.tables import QUALITY_HEADING, Row, format_grid, group_rows

__all__ = [
    "RunRow",
    "SequenceSummary",
    "average_runs",
    "format_summary",
    "summarise_sequences",
]

Shares: TypeAlias = tuple[float, float, float]
"""MOTA, IDF1 and HOTA, as shares: 1.0 is perfect."""


@runtime_checkable
class RunRow(Row, Protocol):
    """The result of one of several runs."""

    @property
    def run(self) -> int:
        """The number of the run, from 0."""


RunRowT = TypeVar("RunRowT", bound=RunRow)


def average_runs(rows: Sequence[RunRowT]) -> list[RunRowT]:
    """One row in the place of the runs of a sequence by the same engine, k and detector.

    Shares are the mean over the runs (not those of the pooled counts); counts are the mean, rounded
    to a whole number; milliseconds are the mean.
    """
    return [
        replace(  # type: ignore[type-var]
            group[0],
            run=0,
            scores=_average_scores([row.scores for row in group]),
            milliseconds=float(np.mean([row.milliseconds for row in group])),
        )
        if len(group) > 1
        else group[0]
        for group in group_rows(rows, "sequence", "engine", "k", "detector")
    ]


def _average_scores(scores: Sequence[Scores]) -> Scores:
    means: dict[str, Any] = {}
    for field in fields(Scores):
        values = [getattr(one, field.name) for one in scores]
        mean = np.mean(values, axis=0)
        is_count = np.issubdtype(np.asarray(values).dtype, np.integer)
        number = (np.rint(mean).astype(np.int64) if is_count else mean).tolist()
        means[field.name] = tuple(number) if isinstance(number, list) else number
    return Scores(**means)


@dataclass(frozen=True, kw_only=True)
class SequenceSummary:
    """The quality of one engine at one k over several sequences, each of the same weight."""

    engine: str
    """The engine's name."""
    k: int
    """The detector's interval in frames."""
    sequences: int
    """The number of sequences."""
    mean: Shares
    """The mean over the sequences of MOTA, IDF1 and HOTA."""
    spread: Shares
    """Their standard deviations over the sequences (of a sample: N - 1 in the denominator)."""
    milliseconds: float
    """The mean time of a frame."""


def summarise_sequences(rows: Sequence[Row]) -> list[SequenceSummary]:
    """The mean and the spread over sequences, for each engine and k that has all of them.

    What a sequence has several rows of (detectors, runs) is averaged first: a sequence counts once,
    however long it is and however often it was run. Empty where all rows are of one sequence.
    """
    names = dict.fromkeys(row.sequence for row in rows)
    summaries = []
    for engine, k in dict.fromkeys((row.engine, row.k) for row in rows):
        group = [row for row in rows if (row.engine, row.k) == (engine, k)]
        if len({row.sequence for row in group}) < len(names) or len(names) < 2:
            continue
        shares = np.array(
            [_mean_shares([row for row in group if row.sequence == name]) for name in names]
        )
        summaries.append(
            SequenceSummary(
                engine=engine,
                k=k,
                sequences=len(names),
                mean=tuple(shares.mean(0).tolist()),
                spread=tuple(shares.std(0, ddof=1).tolist()),
                milliseconds=float(np.mean([row.milliseconds for row in group])),
            )
        )
    return summaries


def _mean_shares(rows: Sequence[Row]) -> Float64[np.ndarray, "3"]:
    """MOTA, IDF1 and HOTA in the mean of the rows."""
    shares = [(row.scores.mota, row.scores.idf1, row.scores.hota) for row in rows]
    return np.asarray(np.mean(shares, axis=0))


def format_summary(rows: Sequence[Row]) -> list[str]:
    """The Markdown table of ``summarise_sequences``, with mean±spread in percent in each cell.

    A list of one table; of none where all rows are of one sequence.
    """
    summaries = summarise_sequences(rows)
    if not summaries:
        return []
    title = f"mean of {summaries[0].sequences} sequences ± spread: {QUALITY_HEADING}"
    return [format_grid(title, summaries, _format_spread)]


def _format_spread(summary: SequenceSummary) -> str:
    pairs = zip(summary.mean, summary.spread, strict=True)
    return " / ".join(f"{100 * mean:.1f}±{100 * spread:.1f}" for mean, spread in pairs)

"""The tables of ``mvot-bench rt``."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from mvot_benchmarks.realtime.measurement import (
    ADAPTIVE,
    ASYNCHRONOUS,
    BLOCKING,
    UNCLOCKED,
    RtResult,
)
from mvot_benchmarks.reporting.tables import (
    QUALITIES,
    QUALITY_HEADING,
    format_grid,
    format_quality,
    format_shares,
    group_across_sequences,
    group_rows,
    label_detectors,
    pool_rows,
)

__all__ = ["EVERY_FRAME", "CostLine", "format_table", "label_mode", "summarise_costs"]

EVERY_FRAME = "every frame"
"""The label of a detector that is called on every frame, and blocks."""
_LINES = {
    EVERY_FRAME: BLOCKING,
    "blocking, best k": BLOCKING,
    "asynchronous": ASYNCHRONOUS,
    "adaptive": ADAPTIVE,
    "no clock, as many calls": UNCLOCKED,
}
"""Ways to run a detector, by the label in tables and plots."""


def format_table(results: Sequence[RtResult]) -> str:
    """Markdown tables for each sequence and rate: as ``mot``'s, and the share of frames processed.

    At rates that all of several sequences were run at, there is one for all together; for several
    costs of the detector, or ways to run it, there is one of quality against cost besides.
    """
    blocks = []
    groups = group_across_sequences(
        results, "engine", "k", "fps", "detector", "detector_ms", "mode"
    )
    pooled = [pool_rows(rows, "processed", "frames", "detected") for rows in groups]
    labelled = [label_mode(row) for row in label_detectors([*results, *pooled])]
    for key in dict.fromkeys((one.sequence, one.fps, one.detector_ms) for one in labelled):
        rows = [one for one in labelled if (one.sequence, one.fps, one.detector_ms) == key]
        title = f"{key[0]} at {key[1]:g} fps"
        if len({one.detector_ms for one in labelled}) > 1:
            title = f"{title}, detector {_format_cost(key[2])}"
        blocks.append(format_grid(f"{title}: {QUALITY_HEADING}", rows, format_quality))
        blocks.append(format_grid(f"{title}: frames processed", rows, _format_share))
    return "\n\n".join([*blocks, *_format_costs(results)])


def label_mode(row: RtResult) -> RtResult:
    """The row with its mode in the engine's name, unless the detector blocks."""
    return row if row.mode == BLOCKING else replace(row, engine=f"{row.engine}, {row.mode}")


def _format_share(result: RtResult) -> str:
    return f"{100 * result.processed / result.frames:.0f} %"


def _format_cost(milliseconds: float | None) -> str:
    return "measured" if milliseconds is None else f"{milliseconds:g} ms"


@dataclass(frozen=True, kw_only=True)
class CostLine:
    """The quality of one engine by the cost of a detector call, in the mean over sequences.

    At each cost it is that of the k with the highest MOTA + IDF1.
    """

    engine: str
    """The engine's name."""
    label: str
    """How the detector runs."""
    costs: tuple[float, ...]
    """Milliseconds of a detector call."""
    k: tuple[int, ...]
    """The best k at each cost."""
    mota: tuple[float, ...]
    """MOTA at each cost, as a share."""
    idf1: tuple[float, ...]
    """IDF1 at each cost, as a share."""
    hota: tuple[float, ...]
    """HOTA at each cost, as a share."""
    latency: tuple[float, ...]
    """The 95th percentile of the latency at each cost, in milliseconds."""


def summarise_costs(results: Sequence[RtResult]) -> list[CostLine]:
    """The lines of quality against cost, at the first frame rate of the results.

    Only costs and k count that all sequences were measured at. Without a clock, k is that of the
    asynchronous line, whose calls were counted.
    """
    rows = [row for row in results if row.detector_ms is not None and row.fps == results[0].fps]
    sequences, lines = len({row.sequence for row in rows}), []
    for engine in dict.fromkeys(row.engine for row in rows):
        for label in _LINES:
            points = {
                cost: _choose_point([row for row in rows if row.engine == engine], cost, label)
                for cost in sorted({row.detector_ms or 0.0 for row in rows})
            }
            found = {cost: group for cost, group in points.items() if len(group) == sequences}
            if found:
                lines.append(_to_line(engine, label, found))
    return lines


def _choose_point(rows: Sequence[RtResult], cost: float, label: str) -> list[RtResult]:
    """The rows of the sequences at a cost, at the k that a line shows."""
    rows = [row for row in rows if row.detector_ms == cost]
    groups = group_rows([row for row in rows if row.mode == _LINES[label]], "k")
    if label == EVERY_FRAME:
        groups = [group for group in groups if group[0].k == 1]
    if _LINES[label] == UNCLOCKED:
        timed = group_rows([row for row in rows if row.mode == ASYNCHRONOUS], "k")
        best = max(timed, key=_rate, default=[])
        groups = [group for group in groups if best and group[0].k == best[0].k]
    return max(groups, key=_rate, default=[])


def _rate(group: Sequence[RtResult]) -> tuple[int, float]:
    """What the best group of rows has most of: sequences, then MOTA + IDF1."""
    return len(group), float(np.mean([row.scores.mota + row.scores.idf1 for row in group]))


def _to_line(engine: str, label: str, found: Mapping[float, Sequence[RtResult]]) -> CostLine:
    """The line through the means of groups of rows, by cost."""
    means = [
        np.mean([(*_shares(row), row.latency[1]) for row in group], axis=0)
        for group in found.values()
    ]
    *shares, latency = zip(*(mean.tolist() for mean in means), strict=True)
    return CostLine(
        engine=engine,
        label=label,
        costs=tuple(found),
        k=tuple(group[0].k for group in found.values()),
        latency=latency,
        **dict(zip(QUALITIES, shares, strict=True)),
    )


def _shares(row: RtResult) -> list[float]:
    """The ``QUALITIES`` of a row."""
    return [getattr(row.scores, quality) for quality in QUALITIES]


def _format_latency(milliseconds: float) -> str:
    """A latency as the end of a cell; there is none without a clock."""
    return f", {milliseconds:.0f} ms" if milliseconds else ""


def _format_costs(results: Sequence[RtResult]) -> list[str]:
    """The Markdown table of ``summarise_costs``; none where the detector always blocks."""
    if not {row.mode for row in results} - {BLOCKING}:
        return []
    lines = summarise_costs(results)
    costs = sorted({cost for line in lines for cost in line.costs})
    sequences = len({row.sequence for row in results})
    title = f"mean of {sequences} sequences at {results[0].fps:g} fps"
    heads = " | ".join(f"{cost:g} ms" for cost in costs)
    table = [
        f"| {title}: {QUALITY_HEADING} (best k), latency | {heads} |",
        f"| --- |{' --- |' * len(costs)}",
    ]
    for line in lines:
        shares = zip(*(getattr(line, quality) for quality in QUALITIES), strict=True)
        values = zip(line.costs, shares, line.k, line.latency, strict=True)
        cells = {
            cost: format_shares(at_cost) + f" ({k})" + _format_latency(latency)
            for cost, at_cost, k, latency in values
        }
        shown = " | ".join(cells.get(cost, "") for cost in costs)
        table.append(f"| {line.engine}, {line.label} | {shown} |")
    return ["\n".join(table)]

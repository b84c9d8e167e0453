"""The tables of ``mvot-bench rt``."""

from collections.abc import Callable, Sequence
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
    QUALITY_HEADING,
    format_grid,
    format_quality,
    group_across_sequences,
    label_detectors,
    pool_rows,
)

__all__ = ["EVERY_FRAME", "CostLine", "format_table", "summarise_costs"]

EVERY_FRAME = "every frame"
"""The label of a detector that is called on every frame, and blocks."""
_LINES: dict[str, Callable[[RtResult], bool]] = {
    EVERY_FRAME: lambda row: row.mode == BLOCKING and row.k == 1,
    "blocking, best k": lambda row: row.mode == BLOCKING,
    "asynchronous": lambda row: row.mode == ASYNCHRONOUS,
    "adaptive": lambda row: row.mode == ADAPTIVE,
    "no clock, as many calls": lambda row: row.mode == UNCLOCKED,
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
    labelled = [_label_mode(row) for row in label_detectors([*results, *pooled])]
    for key in dict.fromkeys((one.sequence, one.fps, one.detector_ms) for one in labelled):
        rows = [one for one in labelled if (one.sequence, one.fps, one.detector_ms) == key]
        title = f"{key[0]} at {key[1]:g} fps"
        if len({one.detector_ms for one in labelled}) > 1:
            title = f"{title}, detector {_format_cost(key[2])}"
        blocks.append(format_grid(f"{title}: {QUALITY_HEADING}", rows, format_quality))
        blocks.append(format_grid(f"{title}: frames processed", rows, _format_share))
    return "\n\n".join([*blocks, *_format_costs(results)])


def _label_mode(row: RtResult) -> RtResult:
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
    latency: tuple[float, ...]
    """The 95th percentile of the latency at each cost, in milliseconds."""


def summarise_costs(results: Sequence[RtResult]) -> list[CostLine]:
    """The lines of quality against cost, at the first frame rate of the results.

    Only costs and k count that all sequences were measured at.
    """
    rows = [row for row in results if row.detector_ms is not None and row.fps == results[0].fps]
    names, lines = {row.sequence for row in rows}, []
    for engine in dict.fromkeys(row.engine for row in rows):
        for label, is_meant in _LINES.items():
            meant = [row for row in rows if row.engine == engine and is_meant(row)]
            points = {
                cost: _best_mean([row for row in meant if row.detector_ms == cost], len(names))
                for cost in sorted({row.detector_ms or 0.0 for row in meant})
            }
            found = {cost: point for cost, point in points.items() if point is not None}
            if found:
                ks, mota, idf1, latency = zip(*found.values(), strict=True)
                quality = {"mota": mota, "idf1": idf1, "latency": latency}
                lines.append(
                    CostLine(engine=engine, label=label, costs=tuple(found), k=ks, **quality)
                )
    return lines


def _best_mean(rows: Sequence[RtResult], sequences: int) -> tuple[int, float, float, float] | None:
    """The best k, and MOTA, IDF1 and latency in the mean of the sequences; None where none has all.

    The rows are of one engine at one cost.
    """
    means = []
    for k in sorted({row.k for row in rows}):
        group = [row for row in rows if row.k == k]
        if len({row.sequence for row in group}) == sequences:
            values = [(row.scores.mota, row.scores.idf1, row.latency[1]) for row in group]
            mota, idf1, latency = np.mean(values, axis=0).tolist()
            means.append((k, mota, idf1, latency))
    return max(means, key=lambda mean: mean[1] + mean[2], default=None)


def _format_costs(results: Sequence[RtResult]) -> list[str]:
    """The Markdown table of ``summarise_costs``; none where the detector always blocks."""
    if not {row.mode for row in results} - {BLOCKING}:
        return []
    lines = summarise_costs(results)
    costs = sorted({cost for line in lines for cost in line.costs})
    sequences = len({row.sequence for row in results})
    title = (
        f"mean of {sequences} sequences at {results[0].fps:g} fps: MOTA / IDF1 (best k), latency"
    )
    heads = " | ".join(f"{cost:g} ms" for cost in costs)
    table = [f"| {title} | {heads} |", f"| --- |{' --- |' * len(costs)}"]
    for line in lines:
        values = zip(line.costs, line.mota, line.idf1, line.k, line.latency, strict=True)
        cells = {
            cost: f"{100 * mota:.1f} / {100 * idf1:.1f} ({k}), {latency:.0f} ms"
            for cost, mota, idf1, k, latency in values
        }
        shown = " | ".join(cells.get(cost, "") for cost in costs)
        table.append(f"| {line.engine}, {line.label} | {shown} |")
    return ["\n".join(table)]

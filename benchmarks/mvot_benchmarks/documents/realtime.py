"""Tables of tracking in real time."""

from collections.abc import Sequence
from typing import Any

from mvot_benchmarks.documents.keys import Keys, select_rows
from mvot_benchmarks.documents.quality import build_grid
from mvot_benchmarks.documents.tables import Table
from mvot_benchmarks.realtime.measurement import (
    ADAPTIVE,
    ASYNCHRONOUS,
    BLOCKING,
    UNCLOCKED,
    RtResult,
)
from mvot_benchmarks.realtime.tables import label_mode, summarise_costs
from mvot_benchmarks.reporting.results import Results
from mvot_benchmarks.reporting.tables import QUALITIES, format_shares, label_detectors, pool_rows

__all__ = ["build_costs", "build_processed", "build_realtime"]

_MODES = (BLOCKING, ASYNCHRONOUS, ADAPTIVE, UNCLOCKED)


def build_realtime(run: Results[Any], keys: Keys) -> list[Table]:
    """Scores of engines by k, or by sequence, at one frame rate and one cost of the detector."""
    names, rows = keys.choices("scores", list(QUALITIES)), _choose_rows(run.rows, keys)
    title = f"{' / '.join(QUALITIES[name] for name in names)} at {rows[0].fps:g} fps"

    def measure(row: RtResult) -> list[float]:
        return [getattr(row.scores, name) for name in names]

    return [build_grid(rows, keys, title, measure, _pool, keys.is_on("spread", False))]


def build_processed(run: Results[Any], keys: Keys) -> list[Table]:
    """The share of frames that were processed."""
    rows = _choose_rows(run.rows, keys)
    title = f"frames processed at {rows[0].fps:g} fps"
    return [build_grid(rows, keys, title, _measure_share, _pool, form=_format_share)]


def _choose_rows(rows: Sequence[RtResult], keys: Keys) -> list[RtResult]:
    """The rows of one rate and cost, with their mode in the engine's name where there are several.

    Without the key ``mode``, those on every k-th frame: blocking and asynchronous.
    """
    rows = select_rows(label_detectors(rows), keys, "fps", lambda row: row.fps)
    rows = select_rows(rows, keys, "ms", lambda row: row.detector_ms)
    known = [mode for mode in _MODES if mode in {row.mode for row in rows}]
    modes = keys.choices("mode", known) if "mode" in keys else known[:2]
    rows = [row for row in rows if row.mode in modes]
    return [label_mode(row) for row in rows] if len(modes) > 1 else rows


def _pool(rows: Sequence[RtResult]) -> RtResult:
    return pool_rows(rows, "processed", "frames", "detected")


def _measure_share(row: RtResult) -> list[float]:
    return [row.processed / row.frames]


def _format_share(shares: Sequence[float]) -> str:
    return f"{100 * shares[0]:.0f} %"


def build_costs(run: Results[Any], keys: Keys) -> list[Table]:
    """Scores and latency by the milliseconds of a detector call, at the best k for each."""
    lines, names = summarise_costs(run.rows), keys.choices("scores", list(QUALITIES))
    is_late, sequences = keys.is_on("latency", True), len({row.sequence for row in run.rows})
    engines = {line.engine for line in lines}
    cells = {}
    for line in lines:
        row = line.label if len(engines) == 1 else f"{line.engine}, {line.label}"
        shares = zip(*(getattr(line, name) for name in names), strict=True)
        points = zip(line.costs, shares, line.k, line.latency, strict=True)
        for cost, at_cost, k, latency in points:
            late = f", {latency:.0f} ms" if is_late and latency else ""
            cells[row, f"{cost:g} ms"] = f"{format_shares(at_cost)} ({k}){late}"
    title = f"{' / '.join(QUALITIES[name] for name in names)} (best k)"
    title = f"{title}, latency" if is_late else title
    label = f"mean of {sequences} sequences at {run.rows[0].fps:g} fps"
    costs = sorted({cost for line in lines for cost in line.costs})
    columns = [f"{cost:g} ms" for cost in costs]
    return [Table.of_cells(f"{title}: {label}", columns, cells)]

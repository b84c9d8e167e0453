"""The tables of ``mvot-bench intervals``."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float64

from mvot_benchmarks.intervals.measurement import FIXED_K, FIXED_SECONDS, IntervalResult
from mvot_benchmarks.reporting.tables import QUALITIES, QUALITY_HEADING, format_shares

__all__ = ["Curve", "compute_curves", "format_table"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Curve:
    """The quality of one engine with one scheduler, by how often the detector is called.

    Calls are pooled over the sequences, so that a scheduler may make more of them on one than on
    another; qualities are means over the sequences, each of the same weight.
    """

    engine: str
    """The engine's name."""
    scheduler: str
    """What decides on which frames the detector runs."""
    intervals: Float64[np.ndarray, " n"]
    """In frames or seconds; those that all sequences were measured at."""
    share: Float64[np.ndarray, " n"]
    """The share of all frames that the detector ran on; it falls."""
    quality: Float64[np.ndarray, "n 3"]
    """The ``QUALITIES``, as shares."""
    spread: Float64[np.ndarray, "n 3"]
    """Their standard deviations over the sequences."""

    def at(self, share: float) -> Float64[np.ndarray, "3"]:
        """The quality at a share of frames, between the nearest two by its logarithm.

        NaN beyond the measured shares.
        """
        logs = np.log(self.share[::-1])
        columns = [np.interp(np.log(share), logs, one[::-1]) for one in self.quality.T]
        is_inside = self.share[-1] <= share * (1 + 1e-9) and share <= self.share[0] * (1 + 1e-9)
        return np.array(columns) if is_inside else np.full(3, np.nan)


def compute_curves(results: Sequence[IntervalResult]) -> list[Curve]:
    """The curve of each engine with each scheduler."""
    names = {row.sequence for row in results}
    curves = []
    for engine, scheduler in dict.fromkeys((row.engine, row.scheduler) for row in results):
        meant = [row for row in results if (row.engine, row.scheduler) == (engine, scheduler)]
        groups = [
            [row for row in meant if row.interval == interval]
            for interval in sorted({row.interval for row in meant})
        ]
        groups = [group for group in groups if {row.sequence for row in group} == names]
        if groups:
            columns = [np.array(column) for column in zip(*map(_summarise, groups), strict=True)]
            fields: dict[str, Any] = dict(
                zip(("intervals", "share", "quality", "spread"), columns, strict=True)
            )
            curves.append(Curve(engine=engine, scheduler=scheduler, **fields))
    return curves


def _summarise(group: Sequence[IntervalResult]) -> tuple[float, float, Any, Any]:
    """Interval, share of frames, and the mean and spread of the qualities over the sequences."""
    share = sum(row.calls for row in group) / sum(row.frames for row in group)
    names = dict.fromkeys(row.sequence for row in group)
    values = [
        np.mean(
            [
                [getattr(row.scores, quality) for quality in QUALITIES]
                for row in group
                if row.sequence == name
            ],
            axis=0,
        )
        for name in names
    ]
    spread = np.std(values, axis=0, ddof=1) if len(values) > 1 else np.zeros(len(QUALITIES))
    return group[0].interval, share, np.mean(values, axis=0), spread


def format_table(results: Sequence[IntervalResult]) -> str:
    """Markdown tables: every interval, and all schedulers at the calls of each fixed k."""
    curves, count = compute_curves(results), len({row.sequence for row in results})
    title = f"mean of {count} sequences ± spread"
    lines = [f"| {title} | interval | frames detected on | MOTA | IDF1 | HOTA |"]
    lines.append(f"| --- |{' --- |' * 5}")
    for curve in curves:
        unit = "s" if curve.scheduler == FIXED_SECONDS else "frames"
        rows = zip(curve.intervals, curve.share, curve.quality, curve.spread, strict=True)
        for interval, share, quality, spread in rows:
            pairs = zip(quality, spread, strict=True)
            cells = " | ".join(f"{100 * mean:.1f}±{100 * wide:.1f}" for mean, wide in pairs)
            label = f"{curve.engine}, {curve.scheduler}"
            lines.append(f"| {label} | {interval:g} {unit} | {100 * share:.1f} % | {cells} |")
    return "\n".join(lines) + "\n\n" + "\n\n".join(_format_equal(curves))


def _format_equal(curves: Sequence[Curve]) -> list[str]:
    """For each engine, all schedulers at the calls of each fixed k."""
    tables = []
    for fixed in (curve for curve in curves if curve.scheduler == FIXED_K):
        heads = " | ".join(f"k = {k:g} ({share:.1%})" for k, share in _columns(fixed))
        lines = [f"| {fixed.engine} at equal calls: {QUALITY_HEADING} | {heads} |"]
        lines.append(f"| --- |{' --- |' * len(fixed.intervals)}")
        for curve in (curve for curve in curves if curve.engine == fixed.engine):
            cells = " | ".join(_format_at(curve, share) for _, share in _columns(fixed))
            lines.append(f"| {curve.scheduler} | {cells} |")
        tables.append("\n".join(lines))
    return tables


def _columns(fixed: Curve) -> list[tuple[float, float]]:
    """Each fixed k, and the share of frames that it detects on."""
    return list(zip(fixed.intervals.tolist(), fixed.share.tolist(), strict=True))


def _format_at(curve: Curve, share: float) -> str:
    quality = curve.at(share)
    if np.isnan(quality).any():
        return ""
    return format_shares(quality)

"""The picture of ``mvot-bench intervals``, by matplotlib (of the extra ``bench``)."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mvot_benchmarks.intervals.measurement import (
    ADAPTIVE,
    FIXED_K,
    FIXED_SECONDS,
    IntervalResult,
)
from mvot_benchmarks.intervals.tables import compute_curves
from mvot_benchmarks.reporting.plots import WIDTH, create_figure, save_figure
from mvot_benchmarks.reporting.tables import QUALITIES

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["draw_curves", "save_plot"]

_STYLES = {FIXED_K: ("#d9605a", "-"), FIXED_SECONDS: ("#b8b0ac", "--"), ADAPTIVE: ("#72b06b", "-")}


def save_plot(results: Sequence[IntervalResult], path: str | Path) -> None:
    """Write the figure of ``draw_curves`` to a file.

    Raises ``UsageError`` without matplotlib, ``OutputError`` where the file cannot be written.
    """
    save_figure(draw_curves(results), path)


def draw_curves(results: Sequence[IntervalResult]) -> "Figure":
    """Draw the quality against the share of frames with a detector call, a row for each engine.

    Raises ``UsageError`` without matplotlib.
    """
    curves = compute_curves(results)
    engines = list(dict.fromkeys(curve.engine for curve in curves))
    figure = create_figure(WIDTH, 0.6 + 3.0 * len(engines))
    axes = figure.subplots(len(engines), len(QUALITIES), squeeze=False, sharex=True)
    for row, engine in zip(axes, engines, strict=True):
        for column, (axis, name) in enumerate(zip(row, QUALITIES.values(), strict=True)):
            for curve in (curve for curve in curves if curve.engine == engine):
                colour, style = _STYLES[curve.scheduler]
                values = 100 * curve.quality[:, column]
                label = {"color": colour, "label": curve.scheduler}
                axis.plot(100 * curve.share, values, style, marker="o", ms=4, **label)
            axis.set_title(f"{engine}: {name}", fontsize="medium")
            axis.set_xscale("log")
            ticks = [5, 10, 20, 50, 100]
            axis.set_xticks(ticks, [f"{tick} %" for tick in ticks], minor=False)
            axis.minorticks_off()
            axis.grid(alpha=0.3)
        row[0].set_ylabel("percent")
    for axis in axes[-1]:
        axis.set_xlabel("frames with a detector call")
    handles, labels = axes[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, fontsize="small")
    return figure

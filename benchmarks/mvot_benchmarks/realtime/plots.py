"""The picture of ``mvot-bench rt --async``, by matplotlib (of the extra ``bench``)."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mvot_benchmarks.realtime.measurement import RtResult
from mvot_benchmarks.realtime.tables import CostLine, summarise_costs
from mvot_benchmarks.reporting.plots import create_figure, save_figure
from mvot_benchmarks.reporting.tables import QUALITIES

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw_costs", "save_plot"]

_STYLES = {
    "every frame": ("#b8b0ac", "-"),
    "blocking, best k": ("#d9605a", "-"),
    "asynchronous": ("#4c78a8", "-"),
    "adaptive": ("#72b06b", "-"),
    "no clock, as many calls": ("#4c78a8", ":"),
}
_PANELS = {**QUALITIES, "latency": "latency, 95th percentile (ms)"}


def save_plot(results: Sequence[RtResult], path: str | Path) -> None:
    """Write the figure of ``draw_costs`` to a file.

    Raises ``UsageError`` without matplotlib, ``OutputError`` where the file cannot be written.
    """
    save_figure(draw_costs(results), path)


def draw_costs(results: Sequence[RtResult]) -> "Figure":
    """Draw quality and latency against the cost of a detector call, a row for each engine.

    The means over sequences, at the best k for each cost. Raises ``UsageError`` without matplotlib.
    """
    lines = summarise_costs(results)
    engines = list(dict.fromkeys(line.engine for line in lines))
    figure = create_figure(13.5, 0.6 + 3.4 * len(engines))
    axes = figure.subplots(len(engines), len(_PANELS), squeeze=False, sharex=True)
    for row, engine in zip(axes, engines, strict=True):
        for axis, name in zip(row, _PANELS, strict=True):
            _draw_panel(axis, [line for line in lines if line.engine == engine], name)
            axis.set_title(f"{engine}: {_PANELS[name]}", fontsize="medium")
    for axis in axes[-1]:
        axis.set_xlabel("milliseconds of a detector call")
    handles, labels = axes[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=5, fontsize="small")
    return figure


def _draw_panel(axis: "Axes", lines: Sequence[CostLine], name: str) -> None:
    """Draw one quantity of one engine; there is no latency without a clock."""
    costs = sorted({cost for line in lines for cost in line.costs})
    for line in lines:
        colour, style = _STYLES[line.label]
        values, is_time = getattr(line, name), name == "latency"
        shown = values if is_time else [100 * value for value in values]
        if not (is_time and style == ":"):
            axis.plot(line.costs, shown, style, color=colour, marker="o", ms=4, label=line.label)
    axis.set_xscale("log")
    axis.set_xticks(costs, [f"{cost:g}" for cost in costs], minor=False)
    axis.minorticks_off()
    axis.set_ylim(bottom=min(0, axis.get_ylim()[0]))
    axis.grid(alpha=0.3)

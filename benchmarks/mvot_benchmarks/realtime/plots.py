"""The picture of ``mvot-bench rt --async``, by matplotlib (of the extra ``bench``)."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mvot_benchmarks.realtime.measurement import RtResult
from mvot_benchmarks.realtime.tables import EVERY_FRAME, CostLine, summarise_costs
from mvot_benchmarks.reporting.plots import WIDTH, create_figure, save_figure
from mvot_benchmarks.reporting.tables import QUALITIES

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw_costs", "draw_trade_off", "save_plot"]

_STYLES = {
    EVERY_FRAME: ("#b8b0ac", "-"),
    "blocking, best k": ("#d9605a", "-"),
    "asynchronous": ("#4c78a8", "-"),
    "adaptive": ("#72b06b", "-"),
    "no clock, as many calls": ("#4c78a8", ":"),
}
_PANELS = {**QUALITIES, "latency": "latency, 95th percentile (ms)"}
_TRADE_OFF = {
    EVERY_FRAME: "detector on every frame, the tracker waits",
    "blocking, best k": "detector on every k-th frame (the best k), the tracker waits",
    "asynchronous": "detector beside the tracker (--async, --live)",
}
"""What the lines of the trade-off are called."""


def save_plot(results: Sequence[RtResult], path: str | Path) -> None:
    """Write the figure of ``draw_costs`` to a file.

    Raises ``UsageError`` without matplotlib, ``OutputError`` where the file cannot be written.
    """
    save_figure(draw_costs(results), path)


def draw_costs(results: Sequence[RtResult]) -> "Figure":
    """Draw quality and latency against the cost of a detector call, two rows for each engine.

    The means over sequences, at the best k for each cost. Raises ``UsageError`` without matplotlib.
    """
    lines = summarise_costs(results)
    engines = list(dict.fromkeys(line.engine for line in lines))
    figure = create_figure(WIDTH, 0.8 + 5.6 * len(engines))
    axes = figure.subplots(2 * len(engines), len(_PANELS) // 2, sharex=True)
    for block, engine in zip(axes.reshape(len(engines), -1), engines, strict=True):
        for axis, name in zip(block, _PANELS, strict=True):
            _draw_panel(axis, [line for line in lines if line.engine == engine], name)
            axis.set_title(f"{engine}: {_PANELS[name]}", fontsize="medium")
            axis.set_ylabel("ms" if name == "latency" else "percent")
    for axis in axes[-1]:
        axis.set_xlabel("milliseconds of a detector call")
    handles, labels = axes[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, fontsize="small")
    return figure


def draw_trade_off(results: Sequence[RtResult]) -> "Figure":
    """Draw MOTA and IDF1 against the cost of a detector call, of the first engine.

    A line for a detector on every frame, one for every k-th, and one for a detector beside the
    tracker; an upright line is the time from frame to frame. Raises ``UsageError`` without
    matplotlib.
    """
    lines = [line for line in summarise_costs(results) if line.label in _TRADE_OFF]
    lines = [line for line in lines if line.engine == results[0].engine]
    figure, rate = create_figure(WIDTH, 4.2), results[0].fps
    axes = figure.subplots(1, 2)
    for axis, name in zip(axes, ("mota", "idf1"), strict=True):
        _draw_panel(axis, lines, name)
        axis.axvline(1000 / rate, color="black", linewidth=1, linestyle=":")
        axis.set(title=QUALITIES[name], xlabel="milliseconds of a detector call")
    axes[0].set_ylabel("percent")
    place = {"xy": (1000 / rate, 0), "xycoords": ("data", "axes fraction"), "va": "bottom"}
    offset = {"xytext": (4, 4), "textcoords": "offset points", "fontsize": "small"}
    axes[1].annotate(f"{1000 / rate:g} ms,\na frame at {rate:g} fps", **place, **offset)
    handles, labels = axes[0].get_legend_handles_labels()
    named = [_TRADE_OFF[label] for label in labels]
    figure.legend(handles, named, loc="outside lower center", ncols=1)
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

"""Plots of ``mvot-bench scaling``, by matplotlib (of the extra ``bench``)."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mvot_benchmarks.reporting.plots import WIDTH, create_figure
from mvot_benchmarks.scaling.measurement import ScalingRow
from mvot_benchmarks.scaling.tables import REAL_TIME

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw_speed", "draw_stages"]

_LINE_STYLES = "-", "--", ":"
"""Of the first ten engines, of ten more, ...: there are ten colours."""


def draw_speed(rows: Sequence[ScalingRow]) -> "Figure":
    """Draw frames per second against the number of targets: an axis a size, a line an engine.

    As SiamMT's Fig. 9, but with both axes logarithmic. Raises ``UsageError`` without matplotlib.
    """
    sizes = list(dict.fromkeys(row.size for row in rows))
    figure = create_figure(max(WIDTH / 2 * len(sizes), 5.0), 5.0)
    axes = figure.subplots(1, len(sizes), squeeze=False, sharey=True)[0]
    for axis, size in zip(axes, sizes, strict=True):
        axis.set(title=f"{size[0]}x{size[1]}", xlabel="targets", xscale="log", yscale="log")
        for number, engine in enumerate(dict.fromkeys(row.engine for row in rows)):
            points = sorted((row.targets, row.fps) for row in rows if _is_of(row, engine, size))
            counts, fps = [count for count, _ in points], [value for _, value in points]
            style = f"C{number % 10}o{_LINE_STYLES[number // 10 % len(_LINE_STYLES)]}"
            axis.plot(counts, fps, style, label=engine, markersize=4)
        axis.axhline(REAL_TIME, color="black", linewidth=1, linestyle="--")
        _label_axes(axis, sorted({row.targets for row in rows}))
        axis.grid(alpha=0.3)
    axes[0].set_ylabel(f"frames per second (dashed: {REAL_TIME:g})")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, fontsize="small")
    return figure


def draw_stages(rows: Sequence[ScalingRow]) -> "Figure":
    """Draw bars of a frame's milliseconds, stacked by stage, as in SiamMT's Fig. 10.

    A row of axes for each engine that has stages, an axis a size, a bar a number of targets; what
    no stage accounts for is "other". Raises ``UsageError`` without matplotlib.
    """
    rows = [row for row in rows if row.stages]
    sizes = list(dict.fromkeys(row.size for row in rows))
    engines = list(dict.fromkeys(row.engine for row in rows))
    figure = create_figure(3.5 * len(sizes) + 1.4, 2.6 * len(engines) + 0.4)
    axes = figure.subplots(len(engines), len(sizes), squeeze=False, sharey="row")
    for line, engine in zip(axes, engines, strict=True):
        for axis, size in zip(line, sizes, strict=True):
            _draw_bars(axis, [row for row in rows if _is_of(row, engine, size)])
            axis.set(title=f"{engine}, {size[0]}x{size[1]}")
        line[0].set_ylabel("ms/frame")
        handles, labels = line[0].get_legend_handles_labels()
        placement = {"loc": "upper left", "bbox_to_anchor": (1.0, 1.03), "fontsize": "small"}
        line[-1].legend(handles[::-1], labels[::-1], **placement)
    for axis in axes[-1]:
        axis.set_xlabel("targets")
    return figure


def _is_of(row: ScalingRow, engine: str, size: tuple[int, int]) -> bool:
    return (row.engine, row.size) == (engine, size)


def _draw_bars(axis: "Axes", rows: Sequence[ScalingRow]) -> None:
    """Draw a bar for each row of one engine and size."""
    rows = sorted(rows, key=lambda row: row.targets)
    rest = [max(0.0, row.observe + row.track - sum(row.stages.values())) for row in rows]
    floor = [0.0] * len(rows)
    for stage in rows[0].stages if rows else ():
        costs = [row.stages[stage] for row in rows]
        axis.bar(range(len(rows)), costs, bottom=floor, label=stage)
        floor = [below + cost for below, cost in zip(floor, costs, strict=True)]
    axis.bar(range(len(rows)), rest, bottom=floor, label="other", fc="white", ec="grey")
    axis.set_xticks(range(len(rows)), [str(row.targets) for row in rows])
    axis.set_axisbelow(True)
    axis.grid(axis="y", alpha=0.3)


def _label_axes(axis: "Axes", counts: Sequence[int]) -> None:
    """Label logarithmic axes: the numbers of targets, and 1, 2, 5, 10, ... frames per second."""
    from matplotlib.ticker import LogLocator

    axis.set_xticks(counts, [str(count) for count in counts])
    axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.yaxis.set_major_formatter("{x:g}")
    axis.minorticks_off()

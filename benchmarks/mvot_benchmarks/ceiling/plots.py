"""The picture of ``mvot-bench ceiling``, by matplotlib (of the extra ``bench``)."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mvot_benchmarks.ceiling.measurement import PART_NAMES, CeilingResult, split_missing
from mvot_benchmarks.ceiling.tables import add_pooled
from mvot_benchmarks.reporting.plots import create_figure, save_figure
from mvot_benchmarks.reporting.tables import ALL_TOGETHER

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.container import BarContainer
    from matplotlib.figure import Figure

__all__ = ["draw_missing", "save_plot"]

_COLOURS = {
    "reached": "#4c78a8",
    "identity": "#f2a03d",
    "motion": "#72b06b",
    "detector": "#d9605a",
    "delay": "#b8b0ac",
}
_LABELS = {
    "reached": "reached",
    "identity": "identity (wrong or changed)",
    "motion": "motion (boxes moved wrongly)",
    "detector": "detector (its errors)",
    "delay": "delay (reported late or not)",
}
_LEAST_WIDTH = 0.75
"""Percent of the axis from which a bar has room for its number."""


def save_plot(results: Sequence[CeilingResult], path: str | Path) -> None:
    """Write the figure of ``draw_missing`` to a file.

    Raises ``UsageError`` without matplotlib, ``OutputError`` where the file cannot be written.
    """
    save_figure(draw_missing(results), path)


def draw_missing(results: Sequence[CeilingResult]) -> "Figure":
    """Draw what is reached of IDF1 and what each part costs: a stacked bar for each k.

    An axis for each engine. Several sequences are shown all together. Negative parts are stacked
    to the left of 0. Raises ``UsageError`` without matplotlib.
    """
    results = add_pooled(results)
    results = [one for one in results if one.sequence == ALL_TOGETHER] or results
    engines = list(dict.fromkeys(result.engine for result in results))
    figure = create_figure(8.5, 1.3 + 0.5 * len(engines) + 0.38 * len(results))
    counts = [sum(result.engine == engine for result in results) for engine in engines]
    axes = figure.subplots(
        len(engines), squeeze=False, sharex=True, height_ratios=[count + 0.6 for count in counts]
    )
    for (axis,), engine in zip(axes, engines, strict=True):
        _draw_bars(axis, [result for result in results if result.engine == engine])
        axis.set_title(engine, loc="left", fontsize="medium")
    axes[-1, 0].set_xlabel("IDF1 (%)")
    figure.suptitle(f"Where IDF1 is lost: {results[0].sequence}, detector on every k-th frame")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, fontsize="small")
    return figure


def _draw_bars(axis: "Axes", results: Sequence[CeilingResult]) -> None:
    """Draw the bars of one engine, the smallest k on top."""
    results = sorted(results, key=lambda result: result.k)
    parts = [split_missing(result, "idf1") for result in results]
    ends = {True: [0.0] * len(results), False: [0.0] * len(results)}
    for name in PART_NAMES:
        values = [getattr(part, name) for part in parts]
        starts = [ends[value > 0][row] for row, value in enumerate(values)]
        bars = axis.barh(
            range(len(results)), values, left=starts, color=_COLOURS[name], label=_LABELS[name]
        )
        _write_numbers(axis, bars, values)
        for row, value in enumerate(values):
            ends[value > 0][row] += value
    axis.set_yticks(range(len(results)), [f"k = {result.k}" for result in results])
    axis.invert_yaxis()
    axis.margins(x=0)


def _write_numbers(axis: "Axes", bars: "BarContainer", values: Sequence[float]) -> None:
    """Write whole points into the bars that have room for them."""
    texts = [f"{value:.0f}" if abs(value) >= _LEAST_WIDTH else "" for value in values]
    axis.bar_label(bars, texts, label_type="center", fontsize="small")

"""The picture of ``mvot-bench ceiling``, by matplotlib (of the extra ``bench``)."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mvot_benchmarks.ceiling.measurement import PART_NAMES, CeilingResult, split_missing
from mvot_benchmarks.ceiling.tables import add_pooled
from mvot_benchmarks.reporting.plots import WIDTH, create_figure, save_figure
from mvot_benchmarks.reporting.tables import ALL_TOGETHER, QUALITIES

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
_LEAST_WIDTH = 2.0
"""Percent of the axis from which a bar has room for its number."""
_METRICS = ("idf1", "hota")
"""The scores that say something of identities."""


def save_plot(results: Sequence[CeilingResult], path: str | Path) -> None:
    """Write the figure of ``draw_missing`` to a file.

    Raises ``UsageError`` without matplotlib, ``OutputError`` where the file cannot be written.
    """
    save_figure(draw_missing(results), path)


def draw_missing(results: Sequence[CeilingResult]) -> "Figure":
    """Draw what is reached of IDF1 and HOTA and what each part costs: a stacked bar for each k.

    A row of axes for each engine. Several sequences are shown all together. Negative parts are
    stacked to the left of 0. Raises ``UsageError`` without matplotlib.
    """
    results = add_pooled(results)
    results = [one for one in results if one.sequence == ALL_TOGETHER] or results
    engines = list(dict.fromkeys(result.engine for result in results))
    figure = create_figure(WIDTH, 1.5 + 0.5 * len(engines) + 0.38 * len(results))
    counts = [sum(result.engine == engine for result in results) for engine in engines]
    axes = figure.subplots(
        len(engines),
        len(_METRICS),
        squeeze=False,
        sharex=True,
        sharey="row",
        height_ratios=[count + 0.6 for count in counts],
    )
    for row, engine in zip(axes, engines, strict=True):
        of_engine = [result for result in results if result.engine == engine]
        for axis, metric in zip(row, _METRICS, strict=True):
            _draw_bars(axis, of_engine, metric)
            axis.set_title(f"{engine}: {QUALITIES[metric]}", fontsize="medium")
        row[0].invert_yaxis()
    for axis, metric in zip(axes[-1], _METRICS, strict=True):
        axis.set_xlabel(f"{QUALITIES[metric]} (%)")
    figure.suptitle(f"Where points are lost: {results[0].sequence}, detector on every k-th frame")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, fontsize="small")
    return figure


def _draw_bars(axis: "Axes", results: Sequence[CeilingResult], metric: str) -> None:
    """Draw the bars of one engine, by increasing k."""
    results = sorted(results, key=lambda result: result.k)
    parts = [split_missing(result, metric) for result in results]
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
    axis.margins(x=0)


def _write_numbers(axis: "Axes", bars: "BarContainer", values: Sequence[float]) -> None:
    """Write whole points into the bars that have room for them."""
    texts = [f"{value:.0f}" if abs(value) >= _LEAST_WIDTH else "" for value in values]
    axis.bar_label(bars, texts, label_type="center", fontsize="small")

"""Plots of results, by matplotlib (of the extra ``bench``)."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mvot_benchmarks.extras import import_extra
from mvot_benchmarks.mot import MotResult
from mvot_benchmarks.realtime.measurement import RtResult
from mvot_benchmarks.reporting.summaries import average_runs
from mvot_benchmarks.reporting.tables import QUALITIES, label_detectors
from mvot_plugin.errors import OutputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "WIDTH",
    "create_figure",
    "draw_quality",
    "encode_png",
    "save_figure",
    "save_quality_plot",
]

WIDTH = 8.4
"""Inches: on a page of 700 pixels the text of such a figure can still be read."""
_LINE_STYLES = ("-", "--", ":", "-.")


def save_quality_plot(results: Sequence[MotResult], path: str | Path) -> None:
    """Write the figure of ``draw_quality`` to a file.

    Raises ``UsageError`` without matplotlib, ``OutputError`` where the file cannot be written.
    """
    save_figure(draw_quality(results), path)


def save_figure(figure: "Figure", path: str | Path) -> None:
    """Write a figure to a file; raises ``OutputError`` where that cannot be written."""
    try:
        figure.savefig(path, dpi=120)
    except (OSError, ValueError) as error:
        raise OutputError(f"cannot write {path}: {error}") from error


def draw_quality(results: Sequence[MotResult], timed: Sequence[RtResult] = ()) -> "Figure":
    """Plot the quality against k: a row of axes for each sequence, a colour for each engine.

    Runs are averaged. ``timed`` results are in real time, with a dashed or dotted line style for
    each frame rate. Raises ``UsageError`` without matplotlib.
    """
    rows: list[MotResult | RtResult] = label_detectors([*average_runs(results), *timed])
    names = list(dict.fromkeys(row.sequence for row in rows))
    engines = list(dict.fromkeys(row.engine for row in rows))
    figure = create_figure(WIDTH, 0.4 + 2.9 * len(names))
    axes = figure.subplots(len(names), len(QUALITIES), squeeze=False, sharex=True)
    for axes_row, name in zip(axes, names, strict=True):
        of_sequence = [row for row in rows if row.sequence == name]
        for axis, (quality, title) in zip(axes_row, QUALITIES.items(), strict=True):
            _draw_lines(axis, of_sequence, engines, quality)
            axis.set(title=f"{name}: {title}", ylim=(min(0, axis.get_ylim()[0]), 100))
            ks = sorted({row.k for row in rows})
            axis.set_xscale("log")
            axis.set_xticks(ks, [str(k) for k in ks], minor=False)
            axis.minorticks_off()
            axis.grid(alpha=0.3)
        axes_row[0].set_ylabel("percent")
    for axis in axes[-1]:
        axis.set_xlabel("detector on every k-th frame")
    legends = [zip(*axis.get_legend_handles_labels(), strict=True) for axis in axes.flat]
    lines = {label: line for legend in legends for line, label in legend}
    figure.legend(lines.values(), lines, loc="outside lower center", ncols=4, fontsize="small")
    return figure


def _draw_lines(
    axis: "Axes", rows: Sequence[MotResult | RtResult], engines: Sequence[str], quality: str
) -> None:
    """Draw one line for each engine and frame rate."""
    rates = [0.0, *sorted({_frame_rate(row) for row in rows} - {0.0})]
    for engine in engines:
        for rate in rates:
            points = sorted(
                (row.k, 100 * getattr(row.scores, quality))
                for row in rows
                if (row.engine, _frame_rate(row)) == (engine, rate)
            )
            if not points:
                continue
            axis.plot(
                [k for k, _ in points],
                [value for _, value in points],
                _LINE_STYLES[rates.index(rate) % len(_LINE_STYLES)],
                marker="o",
                markersize=4,
                color=f"C{engines.index(engine) % 10}",
                label=f"{engine} at {rate:g} fps" if rate else engine,
            )


def _frame_rate(row: MotResult | RtResult) -> float:
    """Frames per second; 0 without a clock."""
    return row.fps if isinstance(row, RtResult) else 0.0


def encode_png(figure: "Figure", dpi: int = 120, **texts: str) -> bytes:
    """A figure as the content of a PNG file, with ``texts`` in its metadata."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi, metadata={"Software": None, **texts})
    return buffer.getvalue()


def create_figure(width: float, height: float) -> "Figure":
    """Create an empty figure, in inches; raises ``UsageError`` without matplotlib."""
    module = import_extra("matplotlib.figure", "plots")
    figure: Figure = module.Figure(figsize=(width, height), layout="constrained")
    return figure

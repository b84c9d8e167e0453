"""Pictures of what was measured, drawn by matplotlib (the ``bench`` extra)."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mvot_benchmarks.mot import MotResult, told_apart
from mvot_benchmarks.rt import RtResult
from mvot_plugin.errors import OutputError, UsageError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["blank_figure", "plot_quality", "png", "quality_figure"]

_CLOCKS = ("-", "--", ":", "-.")


def plot_quality(results: Sequence[MotResult], path: str | Path) -> None:
    """Write ``quality_figure`` of results without a clock.

    Raises ``UsageError`` without matplotlib, ``OutputError`` where the file cannot be written.
    """
    figure = quality_figure(results)
    try:
        figure.savefig(path, dpi=120)
    except (OSError, ValueError) as error:
        raise OutputError(f"cannot write {path}: {error}") from error


def quality_figure(results: Sequence[MotResult], timed: Sequence[RtResult] = ()) -> "Figure":
    """MOTA and IDF1 against k: a row of axes for each sequence, a colour for each engine.

    Dashed and dotted lines are in real time, one style for each rate. Raises ``UsageError`` without
    matplotlib.
    """
    rows: list[MotResult | RtResult] = told_apart([*results, *timed])
    names = list(dict.fromkeys(row.sequence for row in rows))
    engines = list(dict.fromkeys(row.engine for row in rows))
    figure = blank_figure(8.0, 3.2 * len(names))
    axes = figure.subplots(len(names), 2, squeeze=False, sharex=True)
    for line, name in zip(axes, names, strict=True):
        here = [row for row in rows if row.sequence == name]
        for axis, quality in zip(line, ("mota", "idf1"), strict=True):
            _draw_lines(axis, here, engines, quality)
            axis.set(title=f"{name}: {quality.upper()}", ylim=(min(0, axis.get_ylim()[0]), 100))
            ks = sorted({row.k for row in rows})
            axis.set_xscale("log")
            axis.set_xticks(ks, [str(k) for k in ks], minor=False)
            axis.minorticks_off()
            axis.grid(alpha=0.3)
    for axis in axes[-1]:
        axis.set_xlabel("detector on every k-th frame")
    drawn = [zip(*axis.get_legend_handles_labels(), strict=True) for axis in axes.flat]
    shown = {label: line for lines in drawn for line, label in lines}
    figure.legend(shown.values(), shown, loc="outside lower center", ncols=4, fontsize="small")
    return figure


def _draw_lines(
    axis: "Axes", rows: Sequence[MotResult | RtResult], engines: Sequence[str], quality: str
) -> None:
    """One line for each engine and clock."""
    clocks = [0.0, *sorted({_rate(row) for row in rows} - {0.0})]
    for engine in engines:
        for rate in clocks:
            line = sorted(
                (row.k, 100 * getattr(row.scores, quality))
                for row in rows
                if (row.engine, _rate(row)) == (engine, rate)
            )
            if not line:
                continue
            axis.plot(
                [k for k, _ in line],
                [value for _, value in line],
                _CLOCKS[clocks.index(rate) % len(_CLOCKS)],
                marker="o",
                markersize=4,
                color=f"C{engines.index(engine) % 10}",
                label=f"{engine} at {rate:g} fps" if rate else engine,
            )


def _rate(row: MotResult | RtResult) -> float:
    """Frames a second; 0 without a clock."""
    return row.fps if isinstance(row, RtResult) else 0.0


def png(figure: "Figure") -> bytes:
    """A figure as the content of a PNG file."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=120)
    return buffer.getvalue()


def blank_figure(width: float, height: float) -> "Figure":
    """An empty figure of so many inches; raises ``UsageError`` without matplotlib."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise UsageError(
            f"plots need matplotlib ({error}): pip install 'mvot-plugin[bench]'"
        ) from error
    return Figure(figsize=(width, height), layout="constrained")

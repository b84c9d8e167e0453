"""Pictures of what was measured."""

from collections.abc import Sequence
from pathlib import Path

from mvot_benchmarks.mot import MotResult
from mvot_plugin.errors import OutputError, UsageError

__all__ = ["plot_quality"]


def plot_quality(results: Sequence[MotResult], path: str | Path) -> None:
    """MOTA and IDF1 against k, a line for each engine, a row of axes for each sequence.

    Raises ``UsageError`` without matplotlib, ``OutputError`` where the file cannot be written.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise UsageError(
            f"--plot needs matplotlib ({error}): pip install 'mvot-plugin[bench]'"
        ) from error
    names = list(dict.fromkeys(result.sequence for result in results))
    figure = Figure(figsize=(8, 3.2 * len(names)), layout="constrained")
    axes = figure.subplots(len(names), 2, squeeze=False, sharex=True)
    for row, name in zip(axes, names, strict=True):
        for axis, quality in zip(row, ("mota", "idf1"), strict=True):
            for engine in dict.fromkeys(result.engine for result in results):
                line = [one for one in results if (one.sequence, one.engine) == (name, engine)]
                values = [100 * getattr(one.scores, quality) for one in line]
                axis.plot([one.k for one in line], values, marker="o", label=engine)
            ks = sorted({result.k for result in results})
            axis.set(
                xscale="log",
                title=f"{name}: {quality.upper()}",
                ylim=(min(0, axis.get_ylim()[0]), 100),
            )
            axis.set_xticks(ks, [str(k) for k in ks], minor=False)
            axis.minorticks_off()
            axis.grid(alpha=0.3)
    for axis in axes[-1]:
        axis.set_xlabel("detector on every k-th frame")
    axes[0][0].legend()
    try:
        figure.savefig(path, dpi=120)
    except (OSError, ValueError) as error:
        raise OutputError(f"cannot write {path}: {error}") from error

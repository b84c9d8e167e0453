"""The picture of ``mvot-bench streams``, by matplotlib (of the extra ``bench``)."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from mvot_benchmarks.reporting.plots import WIDTH, create_figure, save_figure
from mvot_benchmarks.streams.results import (
    CLUSTER,
    EACH,
    MEMORY,
    PLAIN,
    PROCESSES,
    TOGETHER,
    CommandRun,
    StreamCost,
    StreamsRow,
    select_costs,
    select_runs,
)
from mvot_benchmarks.streams.tables import fit_memory, median_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw_streams", "save_plot"]

_SPEEDS: dict[str, Callable[[CommandRun], float]] = {
    "with the start": lambda run: run.fps,
    "without the start": lambda run: run.tracking_fps,
}


def save_plot(rows: Sequence[StreamsRow], path: str | Path) -> None:
    """Write the figure of ``draw_streams`` to a file.

    Raises ``UsageError`` without matplotlib, ``OutputError`` where the file cannot be written.
    """
    save_figure(draw_streams(rows), path)


def draw_streams(rows: Sequence[StreamsRow]) -> "Figure":
    """Draw each part that was measured, two beside each other.

    Streams per core against k; frames per second of one process and of a process a camera; memory
    against streams; throughput against workers. Raises ``UsageError`` without matplotlib.
    """
    panels: list[Callable[[Axes], None]] = []
    if costs := select_costs(rows):
        panels.append(partial(_draw_capacity, costs=costs))
    for part, draw in _RUN_PANELS.items():
        if runs := select_runs(rows, part):
            panels.append(partial(draw, runs=runs))
    lines = max(-(-len(panels) // 2), 1)
    figure = create_figure(WIDTH if len(panels) > 1 else 5.0, 3.8 * lines)
    for number, panel in enumerate(panels, 1):
        axis = figure.add_subplot(lines, min(len(panels), 2), number)
        panel(axis)
        axis.grid(alpha=0.3)
    return figure


def _draw_capacity(axis: "Axes", costs: Sequence[StreamCost]) -> None:
    """Streams per core against k: a line an engine, detector and number of targets."""
    axis.set(xscale="log", yscale="log", xlabel="detector on every k-th frame")
    axis.set_title(f"streams per core at {costs[0].fps:g} fps")
    for key in dict.fromkeys((cost.engine, cost.detector, cost.targets) for cost in costs):
        own = [c for c in costs if (c.engine, c.detector, c.targets, c.fps) == (*key, costs[0].fps)]
        points = sorted((cost.k, cost.streams) for cost in own)
        label = f"{key[0]}, {key[1]}, {key[2]} targets"
        axis.plot([k for k, _ in points], [n for _, n in points], "o-", ms=4, label=label)
    ks = sorted({cost.k for cost in costs})
    axis.set_xticks(ks, [str(k) for k in ks])
    axis.yaxis.set_major_formatter("{x:g}")
    axis.yaxis.set_minor_formatter("{x:g}")
    axis.tick_params(axis="x", which="minor", bottom=False)
    axis.legend(fontsize="small")


def _draw_processes(axis: "Axes", runs: Sequence[CommandRun]) -> None:
    """Bars of the throughput of each way."""
    for number, (label, value) in enumerate(_SPEEDS.items()):
        ways = [[run for run in runs if run.way == way] for way in (TOGETHER, EACH)]
        heights = [median_of(own, value) for own in ways]
        places = [place + 0.4 * number - 0.2 for place in range(len(heights))]
        axis.bar(places, heights, width=0.38, label=label)
    axis.set_xticks([0, 1], [TOGETHER, EACH])
    axis.set_title(f"frames per second, {runs[0].streams} streams together")
    axis.set_ylim(top=1.3 * axis.get_ylim()[1])
    axis.set_axisbelow(True)
    axis.legend(fontsize="small")


def _draw_memory(axis: "Axes", runs: Sequence[CommandRun]) -> None:
    """The peak of one process against its streams, and the line through it."""
    streams = sorted({run.streams for run in runs})
    start, slope = fit_memory(runs)
    axis.plot([run.streams for run in runs], [run.memory for run in runs], "o", label="measured")
    line = [start + slope * number for number in streams]
    axis.plot(streams, line, "--", label=f"{slope:.1f} MB a stream")
    axis.set(xlabel="streams", title="memory of one process, MB")
    axis.set_xticks(streams, [str(number) for number in streams])
    axis.set_ylim(bottom=0)
    axis.legend(fontsize="small")


def _draw_cluster(axis: "Axes", runs: Sequence[CommandRun]) -> None:
    """The throughput of the cluster against its workers, and that of ``mvot-run``."""
    workers = sorted({run.workers for run in runs if run.way != PLAIN})
    for label, value in _SPEEDS.items():
        speeds = [
            median_of([r for r in runs if (r.way != PLAIN, r.workers) == (True, count)], value)
            for count in workers
        ]
        axis.plot(workers, speeds, "o-", ms=4, label=f"mvot-cluster, {label}")
    plain = median_of([run for run in runs if run.way == PLAIN], _SPEEDS["with the start"])
    axis.axhline(plain, color="black", linewidth=1, linestyle="--", label=PLAIN)
    axis.set(xlabel="workers", title="frames per second of one long video")
    axis.set_xticks(workers, [str(number) for number in workers])
    axis.set_ylim(bottom=0)
    axis.legend(fontsize="small")


_RUN_PANELS: dict[str, Callable[..., None]] = {
    PROCESSES: _draw_processes,
    MEMORY: _draw_memory,
    CLUSTER: _draw_cluster,
}

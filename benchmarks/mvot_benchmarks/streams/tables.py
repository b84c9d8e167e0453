"""The tables of ``mvot-bench streams``."""

from collections.abc import Callable, Sequence
from math import isfinite, nan

import numpy as np

from mvot_benchmarks.streams.cost import STAGES
from mvot_benchmarks.streams.results import (
    CLUSTER,
    EACH,
    MEMORY,
    PLAIN,
    PROCESSES,
    TOGETHER,
    WORKERS,
    CommandRun,
    StreamCost,
    StreamsRow,
    select_costs,
    select_runs,
)

__all__ = ["fit_memory", "format_row", "format_table", "median_of"]

_SPEEDS: tuple[Callable[[CommandRun], float], ...] = (
    lambda run: run.fps,
    lambda run: run.tracking_fps,
)


def format_table(rows: Sequence[StreamsRow]) -> str:
    """Markdown tables of the parts that were measured.

    Streams per core and the processor's time by stage; one process against a process a camera;
    memory against streams; throughput against workers.
    """
    costs = select_costs(rows)
    blocks = [_format_capacity(costs, fps) for fps in dict.fromkeys(row.fps for row in costs)]
    blocks += [_format_stages(costs)] if costs else []
    if processes := select_runs(rows, PROCESSES):
        blocks.append(_format_processes(processes))
    if memory := select_runs(rows, MEMORY):
        blocks.append(_format_memory(memory))
    if cluster := select_runs(rows, CLUSTER):
        blocks.append(_format_cluster(cluster))
    return "\n\n".join(blocks)


def format_row(row: StreamsRow) -> str:
    """A row as a line of progress."""
    if (cost := row.cost) is not None:
        return (
            f"{_label(cost)}, k={cost.k}: {cost.total:.2f} ms of the processor a frame, "
            f"{cost.streams:.2f} streams per core at {cost.fps:g} fps"
        )
    run = row.run
    if run is None:
        return row.part
    workers = f", {_count(run.workers, 'worker')}" if run.way == WORKERS else ""
    speed = f"{run.fps:.1f} fps together" if run.round else f"at most {run.memory:.0f} MB"
    streams = _count(run.streams, "stream")
    return f"{run.way}{workers}, {streams}: {run.frames} frames, {speed}"


def fit_memory(runs: Sequence[CommandRun]) -> tuple[float, float]:
    """The memory of a process without streams, and of each further one, in MB.

    It is a line by least squares; NaN where all runs have as many streams.
    """
    streams = [run.streams for run in runs]
    if len(set(streams)) < 2:
        return nan, nan
    slope, start = np.polyfit(streams, [run.memory for run in runs], 1).tolist()
    return start, slope


def median_of(runs: Sequence[CommandRun], value: Callable[[CommandRun], float]) -> float:
    """The median over the rounds that were timed; NaN without any."""
    values = [value(run) for run in runs if run.round]
    return float(np.median(values)) if values else nan


def _label(cost: StreamCost) -> str:
    return f"{cost.engine}, {cost.detector}, N = {cost.targets}"


def _format_capacity(costs: Sequence[StreamCost], fps: float) -> str:
    """Streams per core: a row an engine, detector and number of targets, a column a k."""
    costs = [cost for cost in costs if cost.fps == fps]
    ks = sorted({cost.k for cost in costs})
    lines = [_head([f"streams per core at {fps:g} fps", *(f"k = {k}" for k in ks)])]
    for label in dict.fromkeys(map(_label, costs)):
        cells = {cost.k: f"{cost.streams:.2f}" for cost in costs if _label(cost) == label}
        lines.append(_line([label, *(cells.get(k, "-") for k in ks)]))
    return "\n".join(lines)


def _format_stages(costs: Sequence[StreamCost]) -> str:
    """The processor's time of a frame by stage, with the share of each."""
    titles = "processor, ms/frame", "k", "tracks", *STAGES, "other", "total"
    lines = [_head(titles)]
    for cost in costs:
        stages = [cost.stages.get(stage, 0.0) for stage in STAGES]
        parts = [*stages, max(0.0, cost.total - sum(stages))]
        cells = [f"{part:.2f} ({part / cost.total:.0%})" for part in parts]
        lines.append(
            _line([_label(cost), str(cost.k), f"{cost.tracks:.1f}", *cells, f"{cost.total:.2f}"])
        )
    return "\n".join(lines)


def _format_processes(runs: Sequence[CommandRun]) -> str:
    """One process against a process a camera, in the median of the rounds."""
    streams = runs[0].streams
    titles = (
        f"{streams} streams, {_count(max(run.round for run in runs), 'round')}",
        "fps together",
        "without the start",
        "memory, MB",
        "tracks",
    )
    ways = {way: [run for run in runs if run.way == way] for way in (TOGETHER, EACH)}
    lines = [_head(titles)]
    columns = {}
    for way, own in ways.items():
        peak = max((run.memory for run in own if not run.round), default=nan)
        speeds = [median_of(own, value) for value in _SPEEDS]
        columns[way] = *speeds, peak
        cells = _number(speeds[0], 1), _number(speeds[1], 1), _number(peak, 0)
        lines.append(_line([way, *cells, _format_sameness(own, runs)]))
    if all(ways.values()):
        pairs = zip(columns[TOGETHER], columns[EACH], strict=True)
        lines.append(_line(["ratio", *(_number(one / other, 2) for one, other in pairs), ""]))
    return "\n".join(lines)


def _format_sameness(own: Sequence[CommandRun], runs: Sequence[CommandRun]) -> str:
    """Of how many streams the tracks are those of the first run, byte for byte."""
    expected = runs[0].digests
    same = [all(run.digests[n] == one for run in own) for n, one in enumerate(expected)]
    return f"{sum(same)} of {len(same)} the same"


def _format_memory(runs: Sequence[CommandRun]) -> str:
    """The peak of one process by its streams, and the line through it."""
    runs = sorted(runs, key=lambda run: run.streams)
    start, slope = fit_memory(runs)
    titles = "one process, streams", *(str(run.streams) for run in runs), "per further stream"
    cells = (_number(run.memory, 0) for run in runs)
    last = "-" if not isfinite(slope) else f"{slope:.1f} (and {start:.0f} without)"
    return "\n".join([_head(titles), _line(["memory, MB", *cells, last])])


def _format_cluster(runs: Sequence[CommandRun]) -> str:
    """Throughput of the cluster by its workers, in the median of the rounds."""
    groups: dict[tuple[str, int], list[CommandRun]] = {}
    for run in runs:
        groups.setdefault((run.way, run.workers), []).append(run)
    first = next((key for key in groups if key[0] != PLAIN), (PLAIN, 1))
    ratios = f"to {_count(first[1], 'worker')}", f"to {PLAIN}"
    titles = [f"one video of {runs[0].frames} frames", "workers", "fps", *ratios]
    lines = [_head([*titles, "without the start", *ratios, "tracks"])]
    for (way, workers), group in groups.items():
        cells = [str(workers) if way != PLAIN else "-"]
        for value in _SPEEDS:
            speeds = {key: median_of(own, value) for key, own in groups.items()}
            speed, plain = speeds[way, workers], speeds.get((PLAIN, 1), nan)
            to_first = nan if way == PLAIN else speed / speeds[first]
            cells += [_number(speed, 1), _number(to_first, 2), _number(speed / plain, 2)]
        expected = (group if way == PLAIN else groups[first])[0].digests
        is_same = all(run.digests == expected for run in group)
        lines.append(_line([way, *cells, "the same" if is_same else "others"]))
    return "\n".join(lines)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number > 1)}"


def _number(value: float, digits: int) -> str:
    return f"{value:.{digits}f}" if isfinite(value) else "-"


def _head(titles: Sequence[str]) -> str:
    return f"{_line(titles)}\n| --- |{' --- |' * (len(titles) - 1)}"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"

"""The tables of ``mvot-bench scaling``: speed against targets, and cost by stage."""

from collections.abc import Sequence
from itertools import pairwise

from mvot_benchmarks.peers import OPENCV_NANO
from mvot_benchmarks.scaling.measurement import ScalingRow

__all__ = ["REAL_TIME", "cost_per_target", "describe_capacity", "format_table"]

REAL_TIME = 25.0
"""Frames per second that SiamMT calls real time (4.3)."""


def format_table(rows: Sequence[ScalingRow]) -> str:
    """Markdown tables of one run: frames per second for each size, then milliseconds by stage.

    Where ``opencv-nano`` was measured, its time is compared with that of the others in between.
    Engines with the same stages share a table.
    """
    sizes = dict.fromkeys(row.size for row in rows)
    stages = dict.fromkeys(tuple(row.stages) for row in rows)
    speed = [_speed_table([row for row in rows if row.size == size]) for size in sizes]
    if any(row.engine == OPENCV_NANO for row in rows):
        speed += [_share_table([row for row in rows if row.size == size]) for size in sizes]
    cost = [_stage_table([row for row in rows if tuple(row.stages) == each]) for each in stages]
    return "\n\n".join([*speed, *cost])


def describe_capacity(rows: Sequence[ScalingRow]) -> str:
    """The most targets with which an engine keeps 25 frames per second, as text.

    ``rows`` are of one engine and size; between two numbers of targets, a frame's milliseconds are
    interpolated linearly.
    """
    points = sorted((row.targets, row.frame) for row in rows)
    budget = 1000 / REAL_TIME
    least, cost = points[0]
    if cost > budget:
        return "never" if least == 1 else f"below N = {least}"
    for (few, fast), (many, slow) in pairwise(points):
        if slow > budget:
            return str(int(few + (many - few) * (budget - fast) / (slow - fast)))
    return f"beyond N = {points[-1][0]}"


def cost_per_target(rows: Sequence[ScalingRow]) -> float | None:
    """Milliseconds that one more target costs, on average from the fewest to the most.

    ``rows`` are of one engine and size; None where they are of one number of targets.
    """
    points = sorted((row.targets, row.frame) for row in rows)
    (few, fast), (many, slow) = points[0], points[-1]
    return (slow - fast) / (many - few) if many > few else None


def _speed_table(rows: Sequence[ScalingRow]) -> str:
    """Frames per second at one size: a row an engine, a column a number of targets."""
    counts = sorted({row.targets for row in rows})
    width, height = rows[0].size
    headings = [f"N = {count}" for count in counts]
    headings += [f"N at {REAL_TIME:g} fps", "ms per target", "t(100)/t(10)"]
    lines = [
        f"| fps at {width}x{height} | {' | '.join(headings)} |",
        "| --- " * (len(headings) + 1) + "|",
    ]
    for engine in dict.fromkeys(row.engine for row in rows):
        own = [row for row in rows if row.engine == engine]
        fps = {row.targets: _format_fps(row.fps) for row in own}
        slope, ratio = cost_per_target(own), _cost_ratio(own, 100, 10)
        cells = [fps.get(count, "-") for count in counts]
        cells += [describe_capacity(own), "-" if slope is None else f"{slope:.3f}"]
        cells += ["-" if ratio is None else f"{ratio:.1f}"]
        lines.append(f"| {engine} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _share_table(rows: Sequence[ScalingRow]) -> str:
    """A frame's time at one size, as a share of the time of ``opencv-nano`` on the same frames."""
    reference = {row.targets: row.frame for row in rows if row.engine == OPENCV_NANO}
    counts = sorted({row.targets for row in rows})
    width, height = rows[0].size
    lines = [
        f"| ms/frame as a share of {OPENCV_NANO}'s, {width}x{height} | "
        f"{' | '.join(f'N = {count}' for count in counts)} |",
        "| --- " * (len(counts) + 1) + "|",
    ]
    for engine in dict.fromkeys(row.engine for row in rows if row.engine != OPENCV_NANO):
        own = {row.targets: row.frame for row in rows if row.engine == engine}
        both = own.keys() & reference.keys()
        cells = [f"{own[n] / reference[n]:.3f}" if n in both else "-" for n in counts]
        lines.append(f"| {engine} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _stage_table(rows: Sequence[ScalingRow]) -> str:
    """Milliseconds of engines with the same stages: a row an engine, size and number of targets."""
    headings = ["ms/frame", "size", "targets", "observe", "enroll", "track", *rows[0].stages]
    lines = [f"| {' | '.join(headings)} |", "| --- " * len(headings) + "|"]
    engines = list(dict.fromkeys(row.engine for row in rows))
    for row in sorted(rows, key=lambda row: (engines.index(row.engine), row.size, row.targets)):
        costs = [row.observe, row.enroll, row.track, *row.stages.values()]
        cells = [row.engine, f"{row.size[0]}x{row.size[1]}", str(row.targets)]
        cells += [f"{cost:.2f}" if cost < 10 else f"{cost:.1f}" for cost in costs]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _format_fps(value: float) -> str:
    return f"{value:.1f}" if value < 100 else f"{value:.0f}"


def _cost_ratio(rows: Sequence[ScalingRow], many: int, few: int) -> float | None:
    """How much longer a frame takes with ``many`` targets than with ``few``."""
    cost = {row.targets: row.frame for row in rows}
    return cost[many] / cost[few] if {many, few} <= cost.keys() else None

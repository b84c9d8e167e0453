"""The rows of ``mvot-bench streams``: what a stream costs, and runs of the commands."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import nan
from typing import Any

__all__ = [
    "CLUSTER",
    "COST",
    "EACH",
    "MEMORY",
    "PARTS",
    "PLAIN",
    "PROCESSES",
    "TOGETHER",
    "WORKERS",
    "CommandRun",
    "StreamCost",
    "StreamsRow",
    "select_costs",
    "select_runs",
]

COST, PROCESSES, MEMORY, CLUSTER = "cost", "processes", "memory", "cluster"
PARTS = (COST, PROCESSES, MEMORY, CLUSTER)
"""What the command measures."""
TOGETHER, EACH = "one process", "a process a camera"
"""Ways to run several cameras."""
PLAIN, WORKERS = "mvot-run", "mvot-cluster"
"""Ways to run one long video."""


@dataclass(frozen=True, kw_only=True)
class StreamCost:
    """What a frame of one stream costs: the processor's time, of all threads together."""

    engine: str
    """The engine's name."""
    detector: str
    """The detector's name."""
    targets: int
    """Pedestrians in the scene; nearly all are in view all the time."""
    k: int
    """The detector ran on every k-th frame."""
    fps: float
    """The frame rate of a stream, in frames per second."""
    frames: int
    """Frames that were measured: whole intervals of the detector."""
    tracks: float
    """Tracks on a frame, in the mean."""
    total: float
    """Milliseconds of the processor for a frame, decoding included."""
    stages: dict[str, float]
    """Of these, the milliseconds in each stage."""

    @property
    def key(self) -> tuple[Any, ...]:
        """What tells a row from others of its part."""
        return self.engine, self.detector, self.targets, self.k, self.fps

    @property
    def streams(self) -> float:
        """Streams that one core keeps up with."""
        return 1000 / (self.fps * self.total)


@dataclass(frozen=True, kw_only=True)
class CommandRun:
    """One run of one or several commands side by side."""

    way: str
    """``TOGETHER`` or ``EACH``, ``PLAIN`` or ``WORKERS``."""
    streams: int
    """Videos that were tracked at once."""
    workers: int = 1
    """Workers of the cluster."""
    round: int
    """Counts from 1; in round 0 memory was measured, and time was not."""
    frames: int
    """Frames that were tracked, of all streams together."""
    seconds: float
    """From the start of the first command to the end of the last."""
    tracking: float
    """From the first frame of a stream until its outputs were complete, the longest of them; NaN
    where the commands do not say."""
    memory: float = nan
    """The most memory of all processes together, in MB of 1,000,000 bytes; NaN if not measured."""
    digests: tuple[str, ...] = ()
    """SHA-256 of the file of tracks of each stream."""

    @property
    def key(self) -> tuple[Any, ...]:
        """What tells a row from others of its part."""
        return self.way, self.streams, self.workers, self.round

    @property
    def fps(self) -> float:
        """Frames per second of all streams together, with the start of the commands."""
        return self.frames / self.seconds

    @property
    def tracking_fps(self) -> float:
        """The same without the start."""
        return self.frames / self.tracking


@dataclass(frozen=True, kw_only=True)
class StreamsRow:
    """A measurement: a cost, or a run."""

    part: str
    """One of ``PARTS``."""
    cost: StreamCost | None = None
    """What was measured in ``COST``."""
    run: CommandRun | None = None
    """What was measured in the other parts."""

    @property
    def key(self) -> tuple[Any, ...]:
        """What tells a row from others of its part."""
        measured = self.cost or self.run
        return () if measured is None else measured.key


def select_costs(rows: Sequence[StreamsRow]) -> list[StreamCost]:
    """The costs among some rows."""
    return [row.cost for row in rows if row.cost is not None]


def select_runs(rows: Sequence[StreamsRow], part: str) -> list[CommandRun]:
    """The runs of a part among some rows."""
    return [row.run for row in rows if row.part == part and row.run is not None]

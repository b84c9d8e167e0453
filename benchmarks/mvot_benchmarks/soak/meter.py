"""What a process costs: readings of a frame, and their summary for each tenth of a run."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

import numpy as np
from jaxtyping import Float64

from mvot_plugin.errors import UsageError

__all__ = ["Meter", "Tenth", "check_system"]

_SELF = Path("/proc/self")
_MILLISECONDS = 1e3
_SPEED_EVERY = 10
"""Frames from one measurement of the machine's speed to the next."""
_WORK = np.random.default_rng(0).integers(0, 256, 20_000)


class _Reading(IntEnum):
    """The columns of the readings of a frame."""

    CPU = 0
    WALL = 1
    MEMORY = 2


@dataclass(frozen=True, kw_only=True)
class Tenth:
    """A tenth of a run."""

    memory: float
    """Memory that the process has for itself, in MB of 1,000,000 bytes: median over the frames."""
    cpu: float
    """CPU time of a frame in milliseconds, at the machine's speed in the first tenth: mean of all
    but the slowest twentieth."""
    wall: float
    """Time of a frame on the clock, in milliseconds, likewise."""
    threads: int
    """Threads of the process, at the end."""
    files: int
    """Files, sockets and the like that the process has open, at the end."""


class Meter:
    """Measures frames of this process, and sums up those since it last did.

    What it keeps does not grow, so that it measures nothing of itself.

    Args:
        most: The most frames of a tenth.
    """

    def __init__(self, most: int) -> None:
        self._readings = np.zeros((most, len(_Reading)))
        self._work = np.zeros(-(-most // _SPEED_EVERY))
        self._count = 0
        self._first_work: float | None = None

    @contextmanager
    def frame(self) -> Iterator[None]:
        """Measure what a ``with`` statement does as a frame."""
        cpu, wall = time.process_time(), time.perf_counter()
        yield
        wall = _MILLISECONDS * (time.perf_counter() - wall)
        cpu = _MILLISECONDS * (time.process_time() - cpu)
        self._readings[self._count] = cpu, wall, _read_memory()
        if self._count % _SPEED_EVERY == 0:
            self._work[self._count // _SPEED_EVERY] = _time_work()
        self._count += 1

    def close_tenth(self) -> Tenth:
        """Sum up the frames since the last tenth; there is at least one."""
        work = float(np.median(self._work[: -(-self._count // _SPEED_EVERY)]))
        self._first_work = self._first_work or work
        readings, self._count = self._readings[: self._count], 0
        return Tenth(
            memory=float(np.median(readings[:, _Reading.MEMORY])),
            cpu=_mean_of_usual(readings[:, _Reading.CPU]) * self._first_work / work,
            wall=_mean_of_usual(readings[:, _Reading.WALL]),
            threads=_count(_SELF / "task"),
            files=_count(_SELF / "fd"),
        )


def check_system() -> None:
    """Raise ``UsageError`` where the system does not say what a process costs."""
    if not (_SELF / "statm").is_file():
        raise UsageError("soak reads /proc/self, which this system lacks; run it on Linux")


def _count(folder: Path) -> int:
    return sum(1 for _ in folder.iterdir())


def _mean_of_usual(values: Float64[np.ndarray, " n"]) -> float:
    """The mean without the largest twentieth: frames of bursts, and those that were interrupted."""
    return float(np.mean(np.sort(values)[: -(-len(values) * 19 // 20)]))


def _read_memory() -> float:
    """Resident memory without that of files, in MB."""
    _, resident, of_files, *_ = (_SELF / "statm").read_text(encoding="ascii").split()
    return (int(resident) - int(of_files)) * os.sysconf("SC_PAGE_SIZE") / 1e6


def _time_work() -> float:
    """The CPU time of this thread for a fixed piece of work, in seconds."""
    start = time.thread_time()
    np.sort(_WORK, axis=None)
    return time.thread_time() - start

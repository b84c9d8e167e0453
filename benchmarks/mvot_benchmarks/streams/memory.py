"""The memory of processes and of those that they have started."""

import time
from collections.abc import Iterator, Sequence
from math import nan
from pathlib import Path
from subprocess import Popen
from typing import Any

__all__ = ["measure_peak", "read_memory"]

_PROC = Path("/proc")
_INTERVAL = 0.05
"""Seconds from one reading to the next."""


def measure_peak(processes: Sequence["Popen[Any]"]) -> float:
    """Wait for processes to end; returns the most memory that they had together.

    Args:
        processes: The processes; those that they start count, too.

    Returns:
        The memory in MB of 1,000,000 bytes; NaN where the system does not say (it has no /proc).
    """
    peak = 0.0
    while any(process.poll() is None for process in processes):
        peak = max(peak, read_memory([process.pid for process in processes]))
        time.sleep(_INTERVAL)
    return peak if (_PROC / "self" / "statm").is_file() else nan


def read_memory(processes: Sequence[int]) -> float:
    """The memory of some processes, and of those that they have started, in MB of 1,000,000 bytes.

    Memory that several processes share counts once, in equal parts (PSS); where the system does not
    tell the parts, it counts in each (RSS). Processes that have ended count nothing.
    """
    return sum(_read_one(number) for number in _find_family(processes)) / 1e6


def _find_family(roots: Sequence[int]) -> set[int]:
    """Processes and all that descend from them."""
    parents = dict(_list_parents())
    family, size = set(roots), 0
    while len(family) > size:
        size = len(family)
        family |= {number for number, parent in parents.items() if parent in family}
    return family


def _list_parents() -> Iterator[tuple[int, int]]:
    """Each process, and the one that started it."""
    for folder in _PROC.glob("[0-9]*"):
        try:
            status = (folder / "stat").read_text(encoding="utf-8", errors="replace")
        except OSError:  # it has ended
            continue
        _, parent, *_ = status.rpartition(")")[2].split()
        yield int(folder.name), int(parent)


def _read_one(number: int) -> int:
    """The memory of one process, in bytes."""
    folder = _PROC / str(number)
    try:
        lines = (folder / "smaps_rollup").read_text(encoding="ascii").splitlines()
        return next(1024 * int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    except (OSError, StopIteration):
        return _read_resident(folder)


def _read_resident(folder: Path) -> int:
    """The resident memory of one process, in bytes; 0 where it has ended."""
    try:
        lines = (folder / "status").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return 0
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith("VmRSS:")), 0)

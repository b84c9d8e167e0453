"""How many threads a process may use, how a command holds it to them, and how others start."""

import math
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from pathlib import Path, PurePosixPath
from threading import Lock

import cv2

from mvot_plugin.config import Range

__all__ = ["THREADS", "check_threads", "limit_threads", "start_process", "usable_threads"]

THREADS = Range(1, 256)
"""How many a process may be told to use."""
MEMBERSHIP = Path("/proc/self/cgroup")
"""On Linux, the control groups of this process: a line ``number:controllers:path`` for each."""
CGROUPS = Path("/sys/fs/cgroup")
"""Where control groups are mounted."""
_THREADS, _WAIT = "OMP_NUM_THREADS", "OMP_WAIT_POLICY"
_SAFE_PATH = "PYTHONSAFEPATH"

_one_start_at_a_time = Lock()


def usable_threads() -> int:
    """The threads that this process may keep busy, at least 1.

    These are as many as the processor cores that it may run on, and no more than the whole cores
    of its container's quota and the ``OMP_NUM_THREADS`` of its environment allow.
    """
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity is not None else os.cpu_count() or 1
    return max(int(min(cores, _openmp_limit(), *_quotas())), 1)


def check_threads(threads: int | None) -> int:
    """``threads``, or for None the ``usable_threads()``; raises ``UsageError`` out of 1..256."""
    if threads is None:
        return usable_threads()
    THREADS.check(threads, "--threads")
    return threads


@contextmanager
def limit_threads(threads: int) -> Iterator[None]:
    """Hold OpenCV and OpenMP, which torch uses, to some threads, while a ``with`` lasts.

    These are settings of the whole process, so this is for the command that owns it. OpenMP's
    threads are told to sleep while they wait for each other, unless the environment says how they
    wait (``OMP_WAIT_POLICY``, which is best ``ACTIVE`` on a machine that does nothing else): those
    that spin keep others from running that they wait for, where other processes are busy, too.
    OpenMP reads that when torch is imported, and never again.
    """
    environment = {name: os.environ.get(name) for name in (_THREADS, _WAIT)}
    opencv, torch = cv2.getNumThreads(), sys.modules.get("torch")
    torch_threads = torch.get_num_threads() if torch is not None else None
    os.environ[_THREADS] = str(threads)
    os.environ.setdefault(_WAIT, "PASSIVE")
    cv2.setNumThreads(threads)
    if torch is not None:
        torch.set_num_threads(threads)
    try:
        yield
    finally:
        cv2.setNumThreads(opencv)
        if torch is not None:
            torch.set_num_threads(torch_threads)
        for name, value in environment.items():
            _restore(name, value)


def start_process(process: BaseProcess) -> None:
    """Start a process that takes no modules from the working directory, as spawned ones do.

    Python 3.10 cannot be told so.
    """
    with _one_start_at_a_time:
        value = os.environ.get(_SAFE_PATH)
        os.environ[_SAFE_PATH] = "1"
        try:
            process.start()
        finally:
            _restore(_SAFE_PATH, value)


def _restore(name: str, value: str | None) -> None:
    """Give a variable of the environment the value that it had; None is that it had none."""
    os.environ.pop(name, None)
    if value is not None:
        os.environ[name] = value


def _openmp_limit() -> float:
    """The threads that the environment allows OpenMP on its outermost level, or infinity."""
    threads, _, _ = os.environ.get(_THREADS, "").partition(",")
    return float(threads) if threads.isdecimal() else math.inf


def _quotas() -> Iterator[float]:
    """The quotas of the control groups around this process, in cores; some are infinite."""
    try:
        lines = MEMBERSHIP.read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if not controllers:  # version 2 has no named controllers
            yield from (_read_quota(folder / "cpu.max") for folder in _enclosing(CGROUPS, path))
        elif "cpu" in controllers.split(","):
            for folder in _enclosing(CGROUPS / "cpu", path):
                yield _read_quota(folder / "cpu.cfs_quota_us", folder / "cpu.cfs_period_us")


def _enclosing(mount: Path, path: str) -> Iterator[Path]:
    """The folders of a control group and of those around it; containers may lack the inner ones."""
    yield mount
    for part in PurePosixPath(path).parts[1:]:
        mount /= part
        yield mount


def _read_quota(*files: Path) -> float:
    """A quota in cores from its file, or the files of its time and its period; or infinity."""
    try:
        time, period = " ".join(file.read_text(encoding="ascii") for file in files).split()
        return int(time) / int(period) if int(time) > 0 else math.inf
    except (OSError, ValueError, ZeroDivisionError):
        return math.inf

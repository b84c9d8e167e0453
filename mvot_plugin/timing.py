"""Measurement of the time that each stage of the computation takes.

The library labels its stages, ``with stage("crop"): ...``, which costs next to nothing until a
caller activates a timer:

    timer = StageTimer()
    with timer.activate():
        targets, motion = engine.track(observation, targets)
    timer.seconds["crop"]
"""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar

__all__ = ["StageTimer", "stage"]


class StageTimer:
    """Adds up the seconds and the calls of named stages.

    The time of a stage within another counts for the inner one alone. A timer serves one thread.

    Args:
        clock: any callable that returns seconds; ``device_clock`` waits for a GPU's work.

    Attributes:
        seconds: by stage, in the order in which stages first ended.
        calls: by stage, how often it ran.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self.clock = clock
        self.seconds: dict[str, float] = {}
        self.calls: dict[str, int] = {}
        self._nested = 0.0

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        """Time the body of a ``with`` as part of the stage ``name``, also where it raises."""
        outer, self._nested = self._nested, 0.0
        start = self.clock()
        try:
            yield
        finally:
            spent = self.clock() - start
            self.add(name, spent - self._nested)
            self._nested = outer + spent

    def add(self, name: str, seconds: float) -> None:
        """Count a call of the stage ``name`` that was timed elsewhere, as in another thread."""
        self.seconds[name] = self.seconds.get(name, 0.0) + seconds
        self.calls[name] = self.calls.get(name, 0) + 1

    @contextmanager
    def activate(self) -> Iterator[None]:
        """Receive the library's own stages within a ``with``, in this thread or task only."""
        token = _ACTIVE.set(self)
        try:
            yield
        finally:
            _ACTIVE.reset(token)

    @property
    def total(self) -> float:
        """Seconds in all stages together."""
        return sum(self.seconds.values(), 0.0)


_ACTIVE: ContextVar[StageTimer | None] = ContextVar("active stage timer", default=None)
_UNTIMED = nullcontext()


def stage(name: str) -> AbstractContextManager[None]:
    """Label the body of a ``with`` as the stage ``name``, for the active timer if there is one."""
    timer = _ACTIVE.get()
    return _UNTIMED if timer is None else timer(name)

"""Where the time goes, stage by stage."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["StageTimer"]


class StageTimer:
    """Adds up the seconds spent in named stages; stages are not nested.

    The clock is injected: any callable that returns seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self.clock = clock
        self.seconds: dict[str, float] = {}
        self.calls: dict[str, int] = {}

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        """Time the body of a ``with`` as part of ``stage``, also where it raises."""
        start = self.clock()
        try:
            yield
        finally:
            self.seconds[stage] = self.seconds.get(stage, 0.0) + self.clock() - start
            self.calls[stage] = self.calls.get(stage, 0) + 1

    @property
    def total(self) -> float:
        """Seconds in all stages together."""
        return sum(self.seconds.values(), 0.0)

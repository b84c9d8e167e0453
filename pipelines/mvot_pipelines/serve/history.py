"""How fast frames came, and how late they were."""

from bisect import bisect_left
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["LATENCY_BOUNDS", "History", "Second"]

LATENCY_BOUNDS = (0.01, 0.025, 0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0, 2.0, 5.0, 10.0)
"""The upper bounds of the classes that latencies are counted in, in seconds."""
_SECONDS, _MEAN_SECONDS = 60, 5


@dataclass(kw_only=True)
class Second:
    """What came in one second."""

    number: int
    """The second, on the clock of the history."""
    frames: int = 0
    """How many came."""
    timed: int = 0
    """How many of them have a latency."""
    latency: float = 0.0
    """The sum of the latencies, in seconds."""

    @property
    def mean_latency(self) -> float | None:
        """The mean latency in seconds; None where no frame has one."""
        return self.latency / self.timed if self.timed else None


class History:
    """Counts frames by the second, over a minute, and latencies by classes, over all time."""

    def __init__(self) -> None:
        self._seconds: deque[Second] = deque(maxlen=_SECONDS + 1)
        self._first = 0
        self.latencies = [0] * (len(LATENCY_BOUNDS) + 1)
        """The number of latencies by class; the last one has no upper bound."""
        self.latency_sum = 0.0
        """Of all latencies, in seconds."""

    def add(self, now: float, latency: float | None) -> None:
        """Count a frame that came now, with its latency where it has one; both in seconds."""
        number = int(now)
        if not self._seconds:
            self._first = number
        if not self._seconds or self._seconds[-1].number != number:
            self._seconds.append(Second(number=number))
        second = self._seconds[-1]
        second.frames += 1
        if latency is not None:
            second.timed += 1
            second.latency += latency
            self.latencies[bisect_left(LATENCY_BOUNDS, latency)] += 1
            self.latency_sum += latency

    def last_minute(self, now: float) -> list[Second]:
        """The whole seconds of the last minute, oldest first, with those in which nothing came.

        The second of the very first frame is left out, since it was not watched from its start.
        """
        if not self._seconds:
            return []
        known = {second.number: second for second in self._seconds}
        numbers = range(max(self._first + 1, int(now) - _SECONDS), int(now))
        return [known.get(number) or Second(number=number) for number in numbers]

    @staticmethod
    def rate(seconds: Sequence[Second]) -> float | None:
        """Frames per second over the last five seconds; None where there is none yet."""
        last = seconds[-_MEAN_SECONDS:]
        return sum(second.frames for second in last) / len(last) if last else None

    @staticmethod
    def latency(seconds: Sequence[Second]) -> float | None:
        """The mean latency over the last five, in seconds; None where no frame has one."""
        last = seconds[-_MEAN_SECONDS:]
        timed = sum(second.timed for second in last)
        return sum(second.latency for second in last) / timed if timed else None

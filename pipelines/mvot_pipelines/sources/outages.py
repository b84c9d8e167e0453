"""When a stream is away: for how long to go on trying, and what to say about it."""

import threading
from collections.abc import Callable

from mvot_plugin.errors import InputError

__all__ = ["Outages"]

_FIRST_PAUSE, _LONGEST_PAUSE = 0.25, 2.0
_GRACE_SECONDS = 1.0
"""How much later than the reading thread another one gives up, which it does if that is stuck."""


class Outages:
    """The outages of one stream; an outage lasts from the last frame before to the first after."""

    def __init__(
        self, name: str, reconnect: float | int, clock: Callable[[], float], silence: float
    ) -> None:
        self._name, self._reconnect, self._clock = name, reconnect, clock
        self._silence = silence
        self._count, self._seconds = 0, 0.0
        self._last, self._deadline, self._pause = clock(), 0.0, _FIRST_PAUSE
        self._is_away = False

    def see_frame(self, captured: float) -> str | None:
        """A frame has come; returns a message if that ends an outage."""
        away, self._last = captured - self._last, captured
        if not self._is_away:
            return None
        self._is_away = False
        self._seconds += away
        return f"{self._name} is back after {away:.1f} s"

    def begin(self) -> str | None:
        """A connection has ended; returns a message if that begins an outage."""
        if self._is_away:
            return None
        self._is_away, self._pause = True, _FIRST_PAUSE
        self._deadline = self._clock() + self._reconnect
        self._count += 1
        return f"{self._name} went away, connecting again for up to {self._reconnect:g} s"

    def pause(self, stopped: threading.Event) -> None:
        """Wait before connecting again; raises ``InputError`` where the time for that is over."""
        left = self._deadline - self._clock()
        if not left > 0:
            raise self._error()
        stopped.wait(min(self._pause, left))
        self._pause = min(2 * self._pause, _LONGEST_PAUSE)

    def check(self) -> None:
        """Raises ``InputError`` if the reading thread should have given up, but is stuck."""
        patience = self._silence + self._reconnect + _GRACE_SECONDS
        if not self._clock() - self._last <= patience:
            raise self._error()

    def _error(self) -> InputError:
        away = self._clock() - self._last
        return InputError(
            f"{self._name} went away and was not back after {away:.1f} s: check that it is "
            "there and running, or go on trying for longer with --reconnect SECONDS"
        )

    @property
    def notes(self) -> list[str]:
        """How often and how long the stream was away; empty if it never was."""
        if self._count == 0:
            return []
        running = self._clock() - self._last if self._is_away else 0.0
        times = "once" if self._count == 1 else f"{self._count} times"
        return [f"{self._name} was away {times}, {self._seconds + running:.1f} s in all"]

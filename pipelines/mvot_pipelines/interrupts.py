"""Signals that ask a run to end."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["catch_interrupts"]


@contextmanager
def catch_interrupts(interrupt: Callable[[], object]) -> Iterator[threading.Event]:
    """Turn the first Ctrl-C (or SIGTERM, SIGHUP) into an event: the frame at hand is finished.

    ``interrupt`` is called, too, to end a live source that waits for a frame. The second one ends
    the run at once, with ``KeyboardInterrupt``, unless it is a SIGHUP, which a terminal that goes
    away sends twice.
    """
    event = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield event
        return

    def stop(number: int, frame: object) -> None:
        if event.is_set() and number in (signal.SIGINT, signal.SIGTERM):
            raise KeyboardInterrupt
        event.set()
        interrupt()

    previous = {number: signal.getsignal(number) for number in _find_interrupts()}
    try:
        for number in previous:
            signal.signal(number, stop)
        yield event
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _find_interrupts() -> list[signal.Signals]:
    """The signals that ask the run to end; SIGHUP unless it is ignored, as with ``nohup``."""
    found = [signal.SIGINT, signal.SIGTERM]
    hangup = getattr(signal, "SIGHUP", None)
    if hangup is not None and signal.getsignal(hangup) is not signal.SIG_IGN:
        found.append(hangup)
    return found

"""A thread that does one call after another, and can be left behind."""

from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from threading import Thread
from typing import Any, TypeAlias

__all__ = ["DaemonThread"]

_Call: TypeAlias = "tuple[Future[Any], Callable[..., Any], tuple[Any, ...]] | None"


class DaemonThread:
    """Runs calls in order. Unlike that of an executor, the process need not wait for its end."""

    def __init__(self, name: str) -> None:
        self._calls: SimpleQueue[_Call] = SimpleQueue()
        self._thread = Thread(target=_serve, args=(self._calls,), name=name, daemon=True)
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        """Whether it is at work, or may be."""
        return self._thread.is_alive()

    def submit(self, function: Callable[..., Any], *arguments: Any) -> "Future[Any]":
        """Call a function after those before."""
        future: Future[Any] = Future()
        self._calls.put((future, function, arguments))
        return future

    def close(self, seconds: float = 0.0) -> None:
        """End it after the call that it is at work on; waits for that as many seconds at most."""
        while not self._calls.empty():
            self._calls.get()
        self._calls.put(None)
        self._thread.join(seconds)


def _serve(calls: "SimpleQueue[_Call]") -> None:
    while (call := calls.get()) is not None:
        future, function, arguments = call
        try:
            future.set_result(function(*arguments))
        except BaseException as error:
            future.set_exception(error)

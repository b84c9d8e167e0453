"""Detectors that raise, hang, end the process or meddle with what they are given."""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from mvot_plugin.errors import InputError, UsageError
from mvot_plugin.types import Detections, Frame

__all__ = ["DETECTORS", "ENDING", "FAILING", "HANGING"]

_BOX = [[10, 20, 40, 60]]
_KEPT = np.array(_BOX, np.float32)


class MuteError(Exception):
    """Has no message."""

    def __str__(self) -> str:
        raise ValueError("no message")


class PickyError(Exception):
    """Cannot be unpickled."""

    def __init__(self, one: int, two: int) -> None:
        super().__init__(f"{one} and {two}")


class HoldingError(Exception):
    """Cannot be pickled."""

    def __init__(self) -> None:
        super().__init__("holds a lock")
        self.lock = threading.Lock()


class Odd(BaseException):
    """Is no ``Exception``."""


def _raiser(make: Callable[[], BaseException]) -> Callable[[Frame], Any]:
    def detect(_: Frame) -> Any:
        raise make()

    return detect


def _recurse(frame: Frame) -> Any:
    return _recurse(frame)


def _write_image(frame: Frame) -> Detections:
    frame.image[:] = 0
    return Detections.of(_BOX)


def _change_time(frame: Frame) -> Detections:
    for name, value in (("timestamp", float("nan")), ("index", -5)):
        object.__setattr__(frame, name, value)
    return Detections.of(_BOX)


def _reuse_arrays(frame: Frame) -> Detections:
    _KEPT[:] = np.array(_BOX) + frame.index
    return Detections(xyxy=_KEPT, confidence=np.ones(1, np.float32), class_id=np.zeros(1, np.int64))


def _change_arrays_later(_: Frame) -> Detections:
    found = Detections.of(np.array(_BOX, np.float32))
    threading.Timer(0.01, found.xyxy.fill, (np.nan,)).start()
    return found


def _print(_: Frame) -> Detections:
    print("a line of the detector")
    sys.stdout.flush()
    return Detections.of(_BOX)


def _hang(_: Frame) -> Any:
    time.sleep(1e6)


def _spin(_: Frame) -> Any:
    while True:
        pass


def _exit(_: Frame) -> Any:
    os._exit(3)


def _crash(_: Frame) -> Any:
    os.kill(os.getpid(), signal.SIGSEGV)


FAILING: dict[str, Callable[[Frame], Any]] = {
    "raises a ValueError": _raiser(lambda: ValueError("broken")),
    "raises with line breaks": _raiser(lambda: ValueError("one\ntwo\r\n\x1b[31mthree")),
    "raises with ten megabytes": _raiser(lambda: ValueError("x" * 10_000_000)),
    "raises without a message": _raiser(MuteError),
    "raises what cannot be unpickled": _raiser(lambda: PickyError(1, 2)),
    "raises what cannot be pickled": _raiser(HoldingError),
    "raises no Exception": _raiser(lambda: Odd("odd")),
    "raises SystemExit": _raiser(lambda: SystemExit(0)),
    "raises SystemExit with a text": _raiser(lambda: SystemExit("bye")),
    "raises GeneratorExit": _raiser(GeneratorExit),
    "raises StopIteration": _raiser(StopIteration),
    "raises MemoryError": _raiser(MemoryError),
    "raises TimeoutError": _raiser(TimeoutError),
    "raises EOFError": _raiser(EOFError),
    "raises BrokenPipeError": _raiser(BrokenPipeError),
    "raises an error of ours": _raiser(lambda: InputError("the model is gone")),
    "raises a usage error of ours": _raiser(lambda: UsageError("the model is gone")),
    "raises a warning": _raiser(lambda: UserWarning("careful")),
    "raises a KeyError": _raiser(lambda: KeyError("k")),
    "never ends to call itself": _recurse,
}
"""The run is refused, or goes on without them."""

DETECTORS: dict[str, Callable[[Frame], Any]] = {
    "writes into the image": _write_image,
    "changes the time of the frame": _change_time,
    "uses its arrays again": _reuse_arrays,
    "changes its arrays later": _change_arrays_later,
    "prints": _print,
}
"""The run is done."""

HANGING: dict[str, Callable[[Frame], Any]] = {"sleeps": _hang, "spins": _spin}
"""They can be given up where they run beside the tracker."""

ENDING: dict[str, Callable[[Frame], Any]] = {"ends its process": _exit, "crashes": _crash}
"""They can be borne in a process of their own."""

"""A function in a fresh process, so that what it costs is its own."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any, TypeVar, cast

from mvot_plugin.errors import InputError, MvotError
from mvot_plugin.threads import start_process

__all__ = ["run_in_process"]

ResultT = TypeVar("ResultT")
_SPAWN = multiprocessing.get_context("spawn")


def run_in_process(function: Callable[..., ResultT], *arguments: Any) -> ResultT:
    """Call a function in a process of its own, which ends with the call.

    Args:
        function: The function; it, its arguments and its result must be picklable.
        arguments: Its arguments.

    Raises:
        MvotError: What the function raised of these.
        InputError: The process ended without a result.
    """
    receiver, sender = _SPAWN.Pipe(duplex=False)
    process = _SPAWN.Process(target=_answer, args=(sender, function, arguments), daemon=True)
    start_process(process)
    sender.close()
    try:
        answer = receiver.recv()
    except EOFError as error:
        process.join()
        raise InputError(f"the process ended, with exit code {process.exitcode}") from error
    finally:
        process.kill()
        process.join()
    if isinstance(answer, MvotError):
        raise answer
    return cast(ResultT, answer)


def _answer(sender: Connection, function: Callable[..., Any], arguments: Any) -> None:
    """Send what the function returns; the terminal's interrupts are left to the parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        sender.send(function(*arguments))
    except MvotError as error:
        sender.send(error)


def _end_with_parent() -> None:
    """End this process where the parent ends before it, also by a signal."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)

"""What the commands share: parsing of options, and errors as one sentence."""

import argparse
import contextlib
import io
import os
import sys
import traceback
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any, NoReturn, TextIO

from mvot_plugin.engines import describe_engines
from mvot_plugin.errors import (
    MvotError,
    OutputError,
    UsageError,
    escape_line,
    format_line,
    unknown_name,
)

__all__ = [
    "Parser",
    "format_version",
    "print_engines",
    "print_error",
    "print_output",
    "run_command",
]

_TRACEBACK = "MVOT_TRACEBACK"
"""With this variable in the environment, errors that nobody expected are raised as they are."""


def format_version(command: str) -> str:
    """The text that ``--version`` prints."""
    try:
        return f"{command} {metadata.version('mvot-plugin')}"
    except metadata.PackageNotFoundError:
        return f"{command}, from a source tree that is not installed"


class Parser(argparse.ArgumentParser):
    """Raises errors instead of exiting, and suggests the nearest option for an unknown one.

    ``gathers`` names the list of arguments that may also stand between options.
    """

    def __init__(self, *args: Any, gathers: str | None = None, **options: Any) -> None:
        super().__init__(*args, **options)
        self._gathers = gathers

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> tuple[Any, list[str]]:
        """Parse all of ``args``; raises ``UsageError`` for what is left over, sub-commands too."""
        parsed, rest = super().parse_known_args(args, namespace)
        for extra in rest:
            if extra.startswith("-"):
                raise unknown_name("option", extra.split("=")[0], self._option_string_actions)
            if self._gathers is None:
                raise UsageError(f"unexpected argument {extra!r}; see {self.prog} --help")
            getattr(parsed, self._gathers).append(extra)
        return parsed, [] if self._gathers else rest

    def error(self, message: str) -> NoReturn:
        """Raise argparse's error as a ``UsageError``."""
        raise UsageError(f"{message}; see {self.prog} --help")


def print_engines() -> None:
    """Print the engines, and what each is for."""
    engines = describe_engines().items()
    print_output("\n".join(f"{name:13} {purpose}" for name, purpose in engines))


def print_output(text: str, stream: TextIO | None = None) -> None:
    """Print what a command is asked for, on the standard output unless a stream is given.

    Raises ``OutputError`` where that cannot be written.
    """
    stream = stream or sys.stdout
    try:
        print("\n".join(map(escape_line, text.split("\n"))), file=stream, flush=True)
    except OSError as error:
        _discard(stream)
        name = "error" if stream is sys.stderr else "output"
        raise OutputError(f"the standard {name} failed: {error.strerror or error}") from error


def print_error(command: str, message: object) -> None:
    """Print one line on stderr, whatever is in the message."""
    try:
        print(f"{command}: {format_line(message)}", file=sys.stderr, flush=True)
    except OSError:  # nobody reads it
        _discard(sys.stderr)


def run_command(command: str, run: Callable[[], int], *, hint: Callable[[], str] = str) -> int:
    """Run a command; what goes wrong is one sentence on stderr.

    Args:
        command: Its name.
        run: Does its work, and returns the exit code.
        hint: What to add where it was interrupted.

    Returns:
        The exit code: 0 done, 1 failed or interrupted, 2 wrong usage.
    """
    _open_missing_streams()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # names of files need not be printable
    try:
        return run()
    except MvotError as error:
        print_error(command, error)
        return error.exit_code
    except KeyboardInterrupt:
        print_error(command, f"interrupted{hint()}")
    except MemoryError:
        print_error(command, "there is not enough memory")
    except Exception as error:
        if _TRACEBACK in os.environ:
            raise
        print_error(command, _describe_bug(error))
    return 1


def _open_missing_streams() -> None:
    """Open those that are closed, to nowhere; else the next files that are opened become them."""
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(number)
    sys.stdout = sys.stdout or open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = sys.stderr or open(2, "w", closefd=False)  # noqa: SIM115


def _describe_bug(error: Exception) -> str:
    """What to say of an error that is no ``MvotError``: none of them is expected."""
    frames = traceback.extract_tb(error.__traceback__)
    place = next((f for f in reversed(frames) if "mvot_" in f.filename), frames[-1])
    return (
        f"internal error: {type(error).__name__}: {error} ({Path(place.filename).name}, line "
        f"{place.lineno}); this is a bug: please report it, with what the same command prints "
        f"with {_TRACEBACK}=1 in its environment"
    )


def _discard(stream: Any) -> None:
    """Let a stream that failed write to nowhere, so that Python does not fail on it at its end."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())

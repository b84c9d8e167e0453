"""Commands side by side: how long they take, what they save, and how much memory they need."""

import hashlib
import re
import shlex
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from math import nan
from pathlib import Path
from typing import Any

from mvot_benchmarks.streams.memory import measure_peak
from mvot_plugin.errors import InputError

__all__ = ["CommandLine", "Measured", "run_commands"]

_SUMMARY = re.compile(r": (\d+) frames in ([\d.]+) s", re.MULTILINE)
"""What the summary of a run says of its frames, and of the time since the first one."""


@dataclass(frozen=True, kw_only=True)
class CommandLine:
    """A command, and the files of tracks that it writes."""

    arguments: Sequence[str]
    """The program and its arguments."""
    tracks: Sequence[Path]
    """The files."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What some commands did side by side; the fields are those of ``CommandRun``."""

    frames: int
    seconds: float
    tracking: float
    memory: float
    digests: tuple[str, ...]


def run_commands(
    commands: Sequence[CommandLine], folder: Path, *, with_memory: bool = False
) -> Measured:
    """Run commands side by side until all have ended.

    Args:
        commands: The commands, which start at once.
        folder: Takes what they print.
        with_memory: Whether memory is read meanwhile, which takes time from the commands.

    Returns:
        What they did.

    Raises:
        InputError: One cannot be started, fails, or does not write its files; the others are
            stopped.
    """
    outputs = [folder / f"output-{number}.txt" for number in range(len(commands))]
    start = time.perf_counter()
    with _start(commands, outputs) as processes:
        memory = measure_peak(processes) if with_memory else nan
        for process in processes:
            process.wait()
        seconds = time.perf_counter() - start
        for process, command, output in zip(processes, commands, outputs, strict=True):
            if process.returncode != 0:
                raise _explain(command, output, process.returncode)
    text = "\n".join(output.read_text(encoding="utf-8") for output in outputs)
    summaries = [(int(frames), float(taken)) for frames, taken in _SUMMARY.findall(text)]
    return Measured(
        frames=sum(frames for frames, _ in summaries),
        seconds=seconds,
        tracking=max((taken for _, taken in summaries), default=nan),
        memory=memory,
        digests=tuple(_hash(path, one) for one in commands for path in one.tracks),
    )


@contextmanager
def _start(
    commands: Sequence[CommandLine], outputs: Sequence[Path]
) -> Iterator[list["subprocess.Popen[Any]"]]:
    """Start commands; those that still run at the end of the ``with`` are stopped."""
    processes: list[subprocess.Popen[Any]] = []
    with ExitStack() as files:
        try:
            for command, output in zip(commands, outputs, strict=True):
                file = files.enter_context(output.open("wb"))
                try:
                    process = subprocess.Popen(
                        command.arguments,
                        stdin=subprocess.DEVNULL,
                        stdout=file,
                        stderr=subprocess.STDOUT,
                    )
                except OSError as error:
                    reason = error.strerror or error
                    raise InputError(f"cannot run {command.arguments[0]}: {reason}") from error
                processes.append(process)
            yield processes
        finally:
            for process in processes:
                process.terminate()
            for process in processes:
                process.wait()


def _explain(command: CommandLine, output: Path, code: int) -> InputError:
    """The error of a command that failed, with the last line that it printed."""
    lines = output.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    last = lines[-1] if lines else "it printed nothing"
    return InputError(
        f"this command failed (exit code {code}): {shlex.join(command.arguments)}: {last}"
    )


def _hash(path: Path, command: CommandLine) -> str:
    """The SHA-256 of a file of tracks."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise InputError(
            f"this command wrote no {path.name} ({error.strerror}): {shlex.join(command.arguments)}"
        ) from error

"""The process in which a case runs."""

import os
import pickle
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from multiprocessing import get_context
from multiprocessing.connection import wait
from pathlib import Path
from threading import Lock
from typing import Any

from helpers.faults.case import Case, Outcome, Trial
from mvot_plugin.errors import MvotError

__all__ = ["run_case"]

_PRELOADED = ["mvot_pipelines.cli", "mvot_pipelines.runner", "cv2", "onnxruntime", "av"]
_MOST_BYTES = 6 << 30
"""Of data, so that a case that runs wild ends before the machine does."""

_one_at_a_time = Lock()
"""Starting a process reads how all others ended, which can be read once."""
_context = get_context("forkserver")
_context.set_forkserver_preload(_PRELOADED)


def run_case(case: Case, trial: Trial, arguments: list[object], logs: Path) -> Outcome:
    """Run a case that has been prepared, and wait until it ends or its time is over."""
    start = _start_fresh if case.environment else _start_forked
    began = time.monotonic()
    process = start(case, trial, arguments, logs)
    try:
        if case.during is not None:
            case.during(trial, process.pid)
    finally:
        code = process.wait(case.seconds)
        seconds = time.monotonic() - began
        process.kill()
    peak = logs / "peak"
    return Outcome(
        code=code,
        stdout=_read(logs / "stdout"),
        stderr=_read(logs / "stderr"),
        seconds=seconds,
        peak_bytes=int(peak.read_text()) if peak.exists() else 0,
    )


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="backslashreplace") if path.exists() else ""


class _Forked:
    """A process forked from one that has imported the command already."""

    def __init__(self, *arguments: object) -> None:
        self._process = _context.Process(target=_run, args=arguments)
        with _one_at_a_time:
            self._process.start()
        self.pid: int = self._process.pid or 0

    def wait(self, seconds: float) -> int | None:
        wait([self._process.sentinel], seconds)
        with _one_at_a_time:
            return self._process.exitcode

    def kill(self) -> None:
        with _one_at_a_time:
            self._process.kill()
            self._process.join()
            self._process.close()


class _Fresh:
    """The command in an interpreter of its own."""

    def __init__(self, command: list[str], variables: Mapping[str, str], folder: Path, logs: Path):
        with (logs / "stdout").open("wb") as out, (logs / "stderr").open("wb") as errors:
            self._process = subprocess.Popen(
                command,
                cwd=folder,
                env={**os.environ, **variables},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=errors,
            )
        self.pid = self._process.pid

    def wait(self, seconds: float) -> int | None:
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


def _start_forked(case: Case, trial: Trial, arguments: list[object], logs: Path) -> Any:
    pickle.dumps(arguments)  # here, where what cannot be sent is easy to find
    return _Forked(case.run, arguments, trial.folder, logs)


def _start_fresh(case: Case, trial: Trial, arguments: list[object], logs: Path) -> Any:
    command = [sys.executable, "-m", "mvot_pipelines.cli", *map(str, arguments)]
    return _Fresh(command, case.environment, trial.folder, logs)


def _run(function: Callable[..., int | None], arguments: list[object], folder: Path, logs: Path):
    """Call the function as the command line would, with stdout and stderr in files."""
    os.chdir(folder)
    for number, name in ((1, "stdout"), (2, "stderr")):
        file = os.open(logs / name, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
        os.dup2(file, number)
        os.close(file)
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", closefd=False, buffering=1)  # noqa: SIM115
    signal.signal(signal.SIGINT, signal.default_int_handler)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_DATA, (_MOST_BYTES, _MOST_BYTES))
    try:
        code = function(*arguments)
    except MvotError as error:
        print(f"mvot-run: {error}", file=sys.stderr)
        code = error.exit_code
    finally:
        unit = 1 if sys.platform == "darwin" else 1024
        peak = unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        (logs / "peak").write_text(str(peak))
    sys.exit(code or 0)

"""Standard streams that are closed, full or left, also as outputs; displays that are not there."""

import os
import sys
from collections.abc import Iterator, Sequence
from functools import partial

from helpers.faults.case import Case, Outcome, Trial, run_mvot

_ROWS = 36
_NAMES = ("stdin", "stdout", "stderr")


def cases() -> Iterator[Case]:
    yield from _list_devices()
    yield from _list_streams()
    for variable, value in {"DISPLAY": ":4321", "WAYLAND_DISPLAY": "nowhere"}.items():
        yield Case(
            name=f"--show with a {variable} that leads nowhere",
            prepare=partial(_prepare, options=["--show"]),
            expect="refused",
            environment={"DISPLAY": "", "WAYLAND_DISPLAY": "", variable: value},
        )


def _prepare(trial: Trial, *, options: Sequence[object]) -> list[object]:
    return [trial.clip(), "--detections", trial.detections(), *options]


def _list_devices() -> Iterator[Case]:
    """Devices as outputs."""
    devices = {"/dev/stdout": "done", "/dev/null": "done", "/dev/full": "refused"}
    for option in ("--save-txt", "--save-jsonl"):
        for device, expect in devices.items():
            yield Case(
                name=f"{option} {device}",
                prepare=partial(_prepare, options=[option, device, "--quiet"]),
                expect=expect,
                outputs=(),
                check=_check_stdout if device == "/dev/stdout" else _check_nothing,
                quick=option == "--save-txt",
            )


def _check_stdout(_: Trial, outcome: Outcome) -> str:
    return "" if len(outcome.stdout.splitlines()) == _ROWS else "not every row is on stdout"


def _check_nothing(_: Trial, outcome: Outcome) -> str:
    return outcome.stdout


def _list_streams() -> Iterator[Case]:
    """What the command prints meets a stream that takes nothing; its outputs are whole."""
    streams = {
        "a stdout that nobody reads": (_leave, [1], "refused"),
        "a stderr that nobody reads": (_leave, [2], "done"),
        "a full stdout": (_fill, [1], "refused"),
        "a closed stdout": (_close, [1], "done"),
        "a closed stderr": (_close, [2], "done"),
        "no standard stream at all": (_close, [0, 1, 2], "done"),
    }
    for name, (spoil, numbers, expect) in streams.items():
        yield Case(
            name=name,
            prepare=partial(_prepare, options=["--save-txt", "out.txt", "--save-video", "out.avi"]),
            run=partial(_run_with, spoil, numbers),
            expect=expect,
            check=_check_outputs,
            quick=spoil is not _fill,
        )


def _run_with(spoil: object, numbers: Sequence[int], *arguments: object) -> int:
    for number in numbers:
        spoil(number)
    return run_mvot(*arguments)


def _leave(number: int) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    _redirect(number, writer)


def _fill(number: int) -> None:
    _redirect(number, os.open("/dev/full", os.O_WRONLY))


def _redirect(number: int, target: int) -> None:
    os.dup2(target, number)
    os.close(target)
    setattr(sys, _NAMES[number], open(number, "w", closefd=False))  # noqa: SIM115


def _close(number: int) -> None:
    """As Python starts where a stream is closed."""
    os.close(number)
    setattr(sys, _NAMES[number], None)


def _check_outputs(trial: Trial, _: Outcome) -> str:
    if not all((trial.folder / name).exists() for name in ("out.txt", "out.avi")):
        return "the outputs are missing"
    rows = (trial.folder / "out.txt").read_text().splitlines()
    video = (trial.folder / "out.avi").read_bytes()
    is_whole = len(rows) == _ROWS and video.startswith(b"RIFF") and b"idx1" in video
    return "" if is_whole else "the outputs are not whole"

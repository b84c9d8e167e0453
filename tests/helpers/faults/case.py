"""A case: one attempt to break the command or the library, and what comes out of it."""

import signal
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Literal

from helpers.faults.material import copy_clip, copy_detections, copy_images
from mvot_pipelines.cli import main

__all__ = ["Case", "Outcome", "Trial", "run_mvot"]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a run ended."""

    code: int | None
    """Its exit code, or a signal as a negative number; None where it did not end in time."""
    stdout: str
    """What it printed; bytes that are no UTF-8 are escaped."""
    stderr: str
    """Likewise."""
    seconds: float = 0.0
    """How long it took."""
    peak_bytes: int = 0
    """Its largest resident memory; 0 where that is unknown."""


@dataclass(frozen=True, kw_only=True)
class Trial:
    """What a case is prepared with."""

    folder: Path
    """An empty folder: the working directory of the run."""
    random: Random
    """Draws that the seed of the suite decides."""
    stack: ExitStack = field(default_factory=ExitStack)
    """Ends, after the run, what the preparation has started."""

    def clip(self, name: str = "clip.mp4", frames: int = 12) -> Path:
        """A valid video of 160x120 pixels: .mp4 or .avi, of three moving objects."""
        return copy_clip(self.folder / name, frames)

    def images(self, name: str = "frames", count: int = 12) -> Path:
        """A folder with the same video as PNG files."""
        return copy_images(self.folder / name, count)

    def detections(self, name: str = "det.txt") -> Path:
        """The file of detections that belongs to them."""
        return copy_detections(self.folder / name)


def run_mvot(*arguments: object) -> int:
    """The command `mvot-run`."""
    return main([*map(str, arguments)])


def nothing_else(_: Trial, __: Outcome) -> str:
    """No check besides the rules."""
    return ""


@dataclass(frozen=True, kw_only=True)
class Case:
    """One attempt; the rules that every case must keep are in `rules.py`."""

    name: str
    """In plain words: "a FIFO in the folder of images"."""
    prepare: Callable[[Trial], Sequence[object]]
    """Makes the files, and returns the arguments of `run`."""
    run: Callable[..., int | None] = run_mvot
    """A function of a module, called in a process of its own; returns the exit code (None: 0)."""
    expect: Literal["any", "done", "refused", "killed"] = "any"
    """Exit code 0; exit code 1 or 2 with one sentence; ended by a signal."""
    during: Callable[[Trial, int], None] | None = None
    """Called with the process number while it runs."""
    check: Callable[[Trial, Outcome], str] = nothing_else
    """What is wrong with the outcome besides the rules; "" for nothing."""
    outputs: Sequence[str] = ("out*",)
    """Patterns of the files in the folder that may come or change."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Further variables of the environment; with any, `mvot-run` runs in a fresh interpreter."""
    seconds: float = 20.0
    """When it must have ended."""
    most_bytes: int = 2 << 30
    """Of resident memory."""
    quick: bool = False
    """Whether it is tried in the gate."""

    def ended_by_signal(self, outcome: Outcome) -> bool:
        """Whether the process was killed, as is expected."""
        return self.expect == "killed" and outcome.code == -signal.SIGKILL

"""A run with a file of settings, and what must come out of it."""

from collections.abc import Sequence
from math import isfinite
from typing import Any, Literal

from helpers.faults.case import Case, Outcome, Trial

__all__ = ["check_tracks", "configured", "start"]


def configured(
    name: str,
    content: bytes | str,
    expect: Literal["any", "done", "refused"] = "refused",
    *,
    file: str = "settings.yaml",
    arguments: Sequence[str] = (),
    **fields: Any,
) -> Case:
    """A case of a run with a file of settings of this content."""

    def prepare(trial: Trial) -> list[object]:
        data = content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass")
        (trial.folder / file).write_bytes(data)
        return [*start(trial), "--config", file, *arguments]

    return Case(name=name, prepare=prepare, expect=expect, check=check_tracks, **fields)


def start(trial: Trial) -> list[object]:
    """The arguments of a valid run."""
    return [trial.clip().name, "--detections", trial.detections().name, "--save-txt", "out.txt"]


def check_tracks(trial: Trial, outcome: Outcome) -> str:
    """Whatever the settings are, tracks that are written are numbers."""
    path = trial.folder / "out.txt"
    if outcome.code or not path.exists():
        return ""
    numbers = [float(n) for line in path.read_text().splitlines() for n in line.split(",")]
    return "" if all(map(isfinite, numbers)) else "a track is not a number"

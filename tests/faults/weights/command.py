"""The command with a file of a network, and the ways to give it one."""

from collections.abc import Callable, Sequence
from pathlib import Path

from helpers.faults.case import Trial
from mvot_plugin.engines.table import ENGINES

__all__ = ["TORCH_ENGINES", "WAYS", "prepare_run"]

TORCH_ENGINES = [n for n, entry in ENGINES.items() if entry.network is not None]
"""Engines that take a safetensors file."""
WAYS = {
    "weights": ["--engine", "siammotion-n", "--weights"],
    "detector": ["--detector"],
    "embedder": ["--embedder"],
}
"""The options that a file of a network may be given with."""


def prepare_run(
    make: Callable[[Trial], Path | str], options: Sequence[str]
) -> Callable[[Trial], Sequence[object]]:
    """What prepares a run with the file that ``make`` makes; detections come from a file.

    The file is given after the ``options``.
    """

    def prepare(trial: Trial) -> Sequence[object]:
        arguments: list[object] = [trial.clip(frames=3), "--save-txt", "out.txt"]
        if "--detector" not in options:
            arguments += ["--detections", trial.detections()]
        return [*arguments, *options, make(trial)]

    return prepare

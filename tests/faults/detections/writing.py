"""What the cases of detection files share."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from helpers.faults.case import Case, Trial

__all__ = ["GOOD", "file_case"]

GOOD = "1,-1,10,20,30,40,0.5\n2,-1,11,20,30,40,0.5\n3,-1,12,20,30,40,0.5\n"
"""The rows of an object on three frames."""


def file_case(name: str, content: str | bytes, engine: str = "hold", **options: Any) -> Case:
    """A case that replays a file with this content."""
    data = content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass")
    return Case(name=name, prepare=partial(_write, data, engine), **options)


def _write(data: bytes, engine: str, trial: Trial) -> Sequence[object]:
    (trial.folder / "det.txt").write_bytes(data)
    clip = trial.clip(frames=4)
    tracker = "--engine", engine, "--detect-every", "1"
    return [clip, "--detections", "det.txt", "--save-txt", "out.txt", *tracker]

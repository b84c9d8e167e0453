"""Files that change between opening a source and reading it."""

import os
from collections.abc import Iterator
from pathlib import Path
from random import Random

import cv2

from helpers.faults.case import Case, Trial
from helpers.faults.material import draw_frame
from mvot_pipelines import open_source

_CHANGES = ("removed", "emptied", "a FIFO", "a folder", "of another size")


def cases(_: Random) -> Iterator[Case]:
    """All of them."""
    for change in _CHANGES:
        for kind in ("image", "video"):
            yield Case(
                name=f"the {kind} is {change} once it was opened",
                prepare=lambda trial, kind=kind, change=change: [*_make(trial, kind), change],
                run=read_changed,
                expect="any" if (kind, change) == ("video", "of another size") else "refused",
                outputs=("frames/000004.png", "clip.avi"),
            )


def read_changed(source: str, changed: str, change: str) -> None:
    """Open the source, change a file, and read all frames."""
    path = Path(changed)
    with open_source(source) as opened:
        if change == "emptied":
            path.write_bytes(b"")
        else:
            path.unlink()
        if change == "a FIFO":
            os.mkfifo(path)
        elif change == "a folder":
            path.mkdir()
        elif change == "of another size":
            cv2.imwrite(f"{path}.png", draw_frame(0)[:50, :50])
            Path(f"{path}.png").rename(path)
        for _ in opened:
            pass


def _make(trial: Trial, kind: str) -> list[str]:
    if kind == "video":
        trial.clip("clip.avi")
        return ["clip.avi", "clip.avi"]
    trial.images(count=6)
    return ["frames", "frames/000004.png"]

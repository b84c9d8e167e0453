"""Signals at random moments: what was written stays, up to the frame at hand."""

import json
import signal
import tempfile
import time
from collections.abc import Iterator
from functools import cache, partial
from itertools import accumulate, groupby
from os import kill
from pathlib import Path
from random import Random
from threading import Lock

from helpers.faults.case import Case, Outcome, Trial
from helpers.faults.material import copy_clip, find_boxes
from helpers.pipelines.mvot_run import read_properties
from mvot_pipelines.config import RunConfig
from mvot_pipelines.runner import run

KILLS = 200
"""For each sink; three of them in the gate."""
_QUICK = 3
_SINKS = {
    "txt": [],
    "jsonl": ["--save-jsonl", "out.jsonl"],
    "mp4": ["--save-video", "out.mp4"],
    "avi": ["--save-video", "out.avi"],
}
_FRAMES = 1500
_MOST_BYTES = 100_000
"""Of the text, half of what the whole run writes."""
_ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_lock = Lock()


def cases(random: Random) -> Iterator[Case]:
    for sink in _SINKS:
        for number in range(KILLS):
            yield Case(
                name=f"KILL at a random moment while {sink} is written, {number + 1}",
                prepare=partial(_prepare, sink=sink, threads=1 + number % 2),
                expect="killed",
                during=partial(_send, number=signal.SIGKILL, started=number % 10 != 9),
                check=partial(_check, sink=sink, lost=2 + 2 * (number % 2)),
                quick=number < _QUICK,
            )
        for ending in _ENDINGS:
            yield Case(
                name=f"{ending.name} while {sink} is written",
                prepare=partial(_prepare, sink=sink, threads=2),
                expect="refused",
                during=partial(_send, number=ending),
                check=partial(_check, sink=sink, lost=0),
                quick=sink == "mp4",
            )


def _prepare(trial: Trial, *, sink: str, threads: int) -> list[object]:
    """Write each output over an old one, or not."""
    source, detections, _, _ = _material()
    for name in ("out.txt", f"out.{sink}"):
        if trial.random.random() < 0.5:
            (trial.folder / name).write_bytes(b"old")
    options = ["--engine", "hold", "--threads", threads, "--quiet", "--overwrite"]
    options += ["--save-txt", "out.txt"]
    return [source, "--detections", detections, *options, *_SINKS[sink]]


def _send(trial: Trial, process: int, *, number: signal.Signals, started: bool = True) -> None:
    """Send a signal at a random moment: within the first half of the run, or before it."""
    if started:
        bytes_, deadline = trial.random.randrange(1, _MOST_BYTES), time.monotonic() + 15
        while len(_read(trial.folder / "out.txt")) < bytes_ and time.monotonic() < deadline:
            time.sleep(0.005)
    time.sleep(trial.random.uniform(0, 0.01 if started else 0.5))
    kill(process, number)


def _check(trial: Trial, _: Outcome, *, sink: str, lost: int) -> str:
    """What is wrong with the outputs: no prefix of the whole run's, or too short a video."""
    _, _, text, lines = _material()
    frames = _count_records(_read(trial.folder / "out.txt"), text)
    if frames is None:
        return "the text is not that of the first frames"
    if sink == "jsonl":
        others = _count_records(_read(trial.folder / "out.jsonl"), lines)
        if others is None or not frames - 1 <= others <= frames:
            return f"of {frames} frames, the JSON lines hold {others}"
    elif sink != "txt":
        video = _count_frames(trial.folder / f"out.{sink}")
        if not frames - lost <= video <= frames:
            return f"of {frames} frames, the video holds {video}"
    return ""


def _read(path: Path) -> bytes:
    """What a run has written there; nothing where the old file still is."""
    content = path.read_bytes() if path.exists() else b""
    return b"" if content == b"old" else content


def _count_records(content: bytes, whole: list[bytes]) -> int | None:
    """How many frames of the whole run these are; None where they are anything else."""
    ends = [0, *accumulate(map(len, whole))]
    if len(content) not in ends or not b"".join(whole).startswith(content):
        return None
    return ends.index(len(content))


def _count_frames(path: Path) -> int:
    return read_properties(path)[0] if _read(path) else 0


def _material() -> tuple[Path, Path, list[bytes], list[bytes]]:
    """A long video, its detections, and what a run writes of them, frame by frame."""
    with _lock:
        return _make_material()


@cache
def _make_material() -> tuple[Path, Path, list[bytes], list[bytes]]:
    folder = Path(_kept.name)
    source = copy_clip(folder / "long.mp4", _FRAMES)
    detections, text, lines = (folder / name for name in ("det.txt", "out.txt", "out.jsonl"))
    rows = [
        f"{index + 1},-1,{x0 + 1:.2f},{y0 + 1:.2f},{x1 - x0:.2f},{y1 - y0:.2f},0.9\n"
        for index in range(_FRAMES)
        for x0, y0, x1, y1 in find_boxes(index % 24).tolist()
    ]
    detections.write_text("".join(rows))
    run(
        RunConfig(
            source=str(source),
            detections=str(detections),
            engine="hold",
            save_txt=str(text),
            save_jsonl=str(lines),
            quiet=True,
        )
    )
    by_number = _group(text, lambda line: line.split(b",")[0])
    return source, detections, by_number, _group(lines, lambda line: json.loads(line)["frame"])


def _group(path: Path, key: object) -> list[bytes]:
    """The lines of each frame."""
    lines = path.read_bytes().splitlines(keepends=True)
    return [b"".join(group) for _, group in groupby(lines, key)]


_kept = tempfile.TemporaryDirectory(prefix="faults-signals-")

"""Outputs of odd names, kinds and places."""

import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from threading import Thread
from typing import Any

from helpers.faults.case import Case, Outcome, Trial

OPTIONS = {
    "txt": "--save-txt",
    "jsonl": "--save-jsonl",
    "mp4": "--save-video",
    "avi": "--save-video",
}
"""What writes a file of each ending."""


def cases() -> Iterator[Case]:
    for ending in OPTIONS:
        yield from _list_names(ending)
        yield from _list_kinds(ending)


def name_output(
    trial: Trial, *, name: str, make: Callable[[Path], object] | None = None, frames: int = 12
) -> Sequence[object]:
    """The arguments of a run that writes there, after ``make`` has made what is there."""
    if make is not None:
        make(trial.folder / name)
    ending = "avi" if "avi" in name[-6:] else name[-6:].split(".")[-1]
    outputs = ["--overwrite", OPTIONS[ending], name]
    return [trial.clip(frames=frames), "--detections", trial.detections(), *outputs]


def _case(name: str, ending: str, output: str, expect: Any, **fields: Any) -> Case:
    make = fields.pop("make", None)
    frames = fields.pop("frames", 12)
    prepare = partial(name_output, name=output, make=make, frames=frames)
    return Case(name=f"{ending}: {name}", prepare=prepare, expect=expect, **fields)


def _list_names(ending: str) -> Iterator[Case]:
    longest = "out".ljust(254 - len(ending), "x")
    names = {
        "a name of 255 characters": longest,
        "a name that is no UTF-8": os.fsdecode(b"out\xff\xfe"),
        "a name with a line break and an escape sequence": "out\n\x1b[2J",
        "a name in other letters": "out видео 视频",
        "in new folders": "out/deep/out",
        "a name that looks like an option's value": "out=--quiet",
    }
    for name, output in names.items():
        quick = name == "a name that is no UTF-8" and ending in ("txt", "mp4")
        yield _case(name, ending, f"{output}.{ending}", "done", check=_check_output, quick=quick)
    bad = {"300 characters": "x" * 300, "a null byte": "out\0", "half a character": "out\ud800"}
    for name, output in bad.items():
        quick = name == "a null byte" and ending == "txt"
        yield _case(f"a name with {name}", ending, f"{output}.{ending}", "refused", quick=quick)


def _list_kinds(ending: str) -> Iterator[Case]:
    out, is_quick = f"out.{ending}", ending in ("txt", "mp4")
    refused = {"a folder": Path.mkdir, "a link to itself": lambda path: path.symlink_to(path.name)}
    for name, make in refused.items():
        yield _case(name, ending, out, "refused", make=make, quick=ending == "txt")
    yield _case("below a file", ending, f"out/{out}", "refused", make=_make_file_above)
    yield _case("in a folder that takes no files", ending, f"/proc/{out}", "refused")
    yield _case("a link to nothing", ending, out, "done", make=_link, check=_check_link)
    yield _case("a pipe that is read", ending, out, "done", make=_read_pipe, quick=is_quick)
    yield _case("a pipe that is left", ending, out, "refused", make=_leave_pipe, frames=600)
    yield _case(
        "its folder is removed in mid-run",
        ending,
        f"out/{out}",
        "refused",
        frames=1500,
        during=partial(_remove_folder, name=out),
        quick=ending == "txt",
    )


def _make_file_above(path: Path) -> None:
    path.parent.write_text("in the way")


def _link(path: Path) -> None:
    path.symlink_to("out-target")


def _read_pipe(path: Path) -> None:
    """Read from a named pipe until its writer closes it."""
    os.mkfifo(path)
    Thread(target=path.read_bytes, daemon=True).start()


def _leave_pipe(path: Path) -> None:
    """Read a little from a named pipe, and close it."""

    def read() -> None:
        with path.open("rb", buffering=0) as pipe:
            pipe.read(100)

    os.mkfifo(path)
    Thread(target=read, daemon=True).start()


def _remove_folder(trial: Trial, _: int, *, name: str) -> None:
    """Remove the folder of the outputs when the first frame is written."""
    deadline = time.monotonic() + 15
    while not (trial.folder / "out" / name).exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    shutil.rmtree(trial.folder / "out")


def _check_output(trial: Trial, _: Outcome) -> str:
    outputs = [path for path in trial.folder.rglob("out*") if path.is_file()]
    return "" if [path.stat().st_size > 100 for path in outputs] == [True] else "no output"


def _check_link(trial: Trial, _: Outcome) -> str:
    target = trial.folder / "out-target"
    links = [path.name for path in trial.folder.glob("out.*") if path.is_symlink()]
    return "" if links and target.stat().st_size > 100 else "the link was not followed"

"""What is no file, or a very large one."""

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

from faults.detections.writing import GOOD
from helpers.faults.case import Case, Trial

__all__ = ["cases"]


def cases() -> Iterator[Case]:
    """Each is refused within seconds, but for pipes that something writes to."""
    for device in ("/dev/zero", "/dev/urandom", "/dev/full"):
        yield _case(device, partial(_name, device), quick=device == "/dev/zero")
    yield _case("/dev/null, as an empty file", partial(_name, "/dev/null"), expect="done")
    yield _case("a FIFO that nothing writes to", _make_pipe, quick=True)
    yield _case("a FIFO that is read while it is written", _write_pipe, expect="done", quick=True)
    yield _case("a folder", _make_folder)
    yield _case("a file that does not exist", partial(_name, "nowhere.txt"))
    yield _case("a file in a file", partial(_name, "clip.mp4/det.txt"))
    yield _case("a link to itself", _make_loop)
    yield _case("a link to nothing", _make_dangling_link)
    yield _case("the video itself", partial(_name, "clip.mp4"))
    yield _case("200 MB of null bytes", partial(_make_large, b""), quick=True)
    yield _case("200 MB of line ends", partial(_make_large, b"\n"))
    yield _case("200 MB of blanks", partial(_make_large, b" "))
    yield _case("120 MB of line ends", partial(_make_large, b"\n", size=120), expect="done")
    yield _case("120 MB of rows", _make_long, expect="done", seconds=120.0)


def _case(name: str, make: Callable[[Trial], str], **options: Any) -> Case:
    settings: dict[str, Any] = {"expect": "refused", **options}
    return Case(name=name, prepare=partial(_prepare, make), **settings)


def _prepare(make: Callable[[Trial], str], trial: Trial) -> Sequence[object]:
    clip = trial.clip(frames=4)
    options = "--save-txt", "out.txt", "--engine", "hold"
    return [clip, "--detections", make(trial), *options]


def _name(path: str, _: Trial) -> str:
    return path


def _make_pipe(trial: Trial) -> str:
    os.mkfifo(trial.folder / "pipe")
    return "pipe"


def _write_pipe(trial: Trial) -> str:
    path = trial.folder / _make_pipe(trial)
    threading.Thread(target=path.write_text, args=(GOOD,), daemon=True).start()
    return path.name


def _make_folder(trial: Trial) -> str:
    (trial.folder / "det").mkdir()
    return "det"


def _make_loop(trial: Trial) -> str:
    (trial.folder / "det.txt").symlink_to("det.txt")
    return "det.txt"


def _make_dangling_link(trial: Trial) -> str:
    (trial.folder / "det.txt").symlink_to("nowhere.txt")
    return "det.txt"


def _make_large(content: bytes, trial: Trial, size: int = 200) -> str:
    with (trial.folder / "det.txt").open("wb") as file:
        for _ in range(size if content else 0):
            file.write(content * (1 << 20))
        file.truncate(size << 20)
    return "det.txt"


def _make_long(trial: Trial) -> str:
    with (trial.folder / "det.txt").open("w") as file:
        for frame in range(1, 30_000):
            file.write("".join(f"{frame},-1,{x},{frame},30.25,40.5,0.912\n" for x in range(130)))
    return "det.txt"

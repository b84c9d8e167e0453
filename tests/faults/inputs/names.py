"""Names of sources: letters of all kinds, patterns, and numbers of cameras."""

import os
from collections.abc import Iterator
from pathlib import Path
from random import Random

from helpers.faults.case import Case, Trial
from helpers.faults.inputs import input_case
from mvot_pipelines.sources import open_source

_NAMES = {
    "not UTF-8": b"caf\xe9.mp4",
    "not UTF-8 at all": bytes(range(0x80, 0x100)) + b".mp4",
    "not UTF-8 in the ending": b"clip.mp4\xff",
    "a line break": b"a\nb.mp4",
    "escape sequences": b"\x1b[2J\x07.mp4",
    "letters of all kinds": "Grüße 猫 🐈 ‮kcab.mp4".encode(),
    "a pattern": b"clip%03d.mp4",
    "a pattern with a star": b"clip*?[x].mp4",
    "a colon": b"http:clip.mp4",
    "what FFmpeg calls a protocol": b"concat:a|b.mp4",
    "a hash and a question mark": b"a#b?c=d&e.mp4",
    "quotation marks": b"\"'`$(x).mp4",
    "a backslash": b"a\\b.mp4",
    "a comma and a semicolon": b"a,b;c.mp4",
    "no ending": b"clip",
    "nothing but the ending": b".mp4",
    "255 bytes": b"x" * 251 + b".mp4",
    "a leading space": b" clip.mp4 ",
}
_SPECS = {
    "a camera of twenty digits": "99999999999999999999",
    "a camera of 5,000 digits": "9" * 5000,
    "camera 2147483648": "2147483648",
    "camera 2147483647": "2147483647",
    "a camera by digits of another alphabet": "٩٩",
    "a null byte": "clip\0.mp4",
    "half a character": "clip\ud800.mp4",
    "an address with a null byte": "http://127.0.0.1:9/\0",
    "an address with half a character": "http://127.0.0.1:9/\ud800",
    "an address that is not UTF-8": "http://127.0.0.1:9/\udcff",
    "an address of 100,000 letters": "http://127.0.0.1:9/" + "x" * 100_000,
    "an address without a host": "http://",
    "an address with a port that is none": "http://127.0.0.1:99999999/x",
    "an address with patterns": "http://127.0.0.1:9/%s%n%d",
    "a protocol that is none": "gopher://127.0.0.1/clip.mp4",
    "a file as an address": "file:///etc/passwd",
    "a path of 5,000 letters": "x/" * 2500,
    "a name of 300 letters": "x" * 300,
    "nothing": "",
    "a dot": ".",
}


def cases(_: Random) -> Iterator[Case]:
    """All of them."""
    for what, name in _NAMES.items():
        yield input_case(
            f"a video named with {what}",
            lambda trial, name=name: _rename(trial, name),
            expect="done",
            quick=what == "not UTF-8",
        )
        yield input_case(
            f"an image named with {what}", lambda trial, name=name: _put(trial, name), expect="done"
        )
    yield input_case("a folder named with what is not UTF-8", _rename_folder, expect="done")
    for what, spec in _SPECS.items():
        yield input_case(
            f"a source that is {what}",
            lambda _, spec=spec: spec,
            expect="refused",
            quick=what.startswith(("a camera of", "half", "a null", "an address that is not")),
        )
    for number in (-1, -(10**30), 10**30):
        yield Case(
            name=f"camera {number:.0e}, from Python",
            prepare=lambda _, number=number: [number],
            run=open_camera,
            expect="refused",
            quick=number == -1,
        )


def open_camera(number: int) -> None:
    """Open a camera by a number."""
    open_source(number).close()


def _rename(trial: Trial, name: bytes) -> Path:
    path = trial.folder / os.fsdecode(name)
    return trial.clip().rename(path)


def _put(trial: Trial, name: bytes) -> Path:
    """A folder of images, one of which has the name, with another ending."""
    folder = trial.images(count=4)
    (folder / "000002.png").rename(folder / (os.fsdecode(name[-250:]) + ".png"))
    return folder


def _rename_folder(trial: Trial) -> Path:
    return trial.images().rename(trial.folder / os.fsdecode(b"caf\xe9"))

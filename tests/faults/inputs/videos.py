"""Files that are no videos, not whole, or strange, and things that are no files."""

import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import cv2

from helpers.faults.case import Case, Trial
from helpers.faults.inputs import input_case
from helpers.faults.material import draw_frame
from helpers.faults.media import (
    BOMBS,
    CONTAINERS,
    TRAPS,
    flip_bytes,
    set_rate,
    truncate,
    write_jpegs_as_video,
    write_sound,
    write_video,
)

_PRETENDERS = {
    "empty": b"",
    "a single byte": b"\0",
    "zeros": bytes(1 << 20),
    "plain text": b"1,-1,10,20,30,40,1\n" * 100,
    "HTML": b"<!DOCTYPE html><html><body>404 Not Found</body></html>\n",
    "text with a strange letter": "Grüße\n".encode() * 300,
    "a ZIP file": b"PK\x03\x04" + bytes(2000),
    "an SVG drawing": b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>\n",
    "the beginning of an MP4": b"\0\0\0\x20ftypisom\0\0\2\0isomiso2avc1mp41",
    "boxes of no size": b"\0\0\0\x20ftypisom\0\0\2\0isomiso2avc1mp41" + b"\0\0\0\0moov" * 500,
    "the beginning of an MKV": b"\x1a\x45\xdf\xa3" + bytes(range(256)) * 4,
    "the beginning of an AVI": b"RIFF\xff\xff\xff\xffAVI LIST" + bytes(3000),
    "a program": b"\x7fELF\2\1\1" + bytes(5000),
}


def cases(random: Random) -> Iterator[Case]:
    """All of them."""
    for what, content in _PRETENDERS.items():
        yield input_case(
            f"a video that is {what}",
            lambda trial, content=content: _write(trial.folder / "clip.mp4", content),
            expect="refused",
            quick=what in ("empty", "plain text"),
        )
    yield from _things(random)
    yield from _odd_videos()
    yield from _single_images()
    yield from _damaged(random)
    for name, make in (BOMBS | TRAPS).items():
        yield input_case(
            f"{name} as the source",
            lambda trial, name=name, make=make: _write(trial.folder / name, make()),
            expect="refused",
        )


def _single_images() -> Iterator[Case]:
    """Images that only FFmpeg reads, or that nothing does."""
    png, jpg = (cv2.imencode(kind, draw_frame(0))[1].tobytes() for kind in (".png", ".jpg"))
    for name, content, expect in (
        ("a PNG without its end", png[:-12], "done"),
        ("three quarters of a JPEG", jpg[: len(jpg) * 3 // 4], "done"),
        ("half a PNG", png[: len(png) // 2], "refused"),
        ("a giant of Radiance", b"#?RADIANCE\n\n-Y 60000 +X 60000\n" + bytes(999), "refused"),
        ("a giant of QOI", b"qoif" + 2 * b"\0\1\0\0" + b"\3\0" + bytes(999), "refused"),
    ):
        yield input_case(
            f"{name} as the source",
            lambda trial, content=content: _write(trial.folder / "1.png", content),
            expect=expect,
            quick=name.startswith("a PNG"),
        )


def _things(random: Random) -> Iterator[Case]:
    """What is no regular file."""

    def case(name: str, make: Callable[[Trial], object], **fields: bool) -> Case:
        return input_case(name, make, expect="refused", **fields)

    for device in ("zero", "random", "null", "tty", "stdin", "full"):
        yield case(f"/dev/{device}", lambda _, name=device: f"/dev/{name}", quick=device == "zero")
    yield case("/proc/self/mem", lambda _: "/proc/self/mem")
    yield case("a FIFO", _make_fifo, quick=True)
    yield case("a socket", _make_socket)
    yield case("an empty folder named .mp4", _make_folder)
    yield case("a symbolic link to itself", lambda trial: _link(trial, "loop.mp4"), quick=True)
    yield case("a link that leads nowhere", lambda trial: _link(trial, "gone.mp4"))
    yield case("a link to a FIFO", lambda trial: _link(trial, _make_fifo(trial)))
    yield case("a link to /dev/zero", lambda trial: _link(trial, "/dev/zero"))
    yield case("a file that is missing", lambda _: "missing.mp4")
    yield case("a file within a file", lambda trial: trial.clip() / "clip.mp4")
    yield case("a terabyte of nothing", _make_sparse_file)
    content = random.randbytes(1 << 16)
    yield case("random bytes", lambda trial: _write(trial.folder / "clip.mp4", content))
    yield input_case("a link to a video", lambda trial: _link(trial, trial.clip()), expect="done")


def _odd_videos() -> Iterator[Case]:
    """Videos that are valid, or nearly so."""

    def case(name: str, make: Callable[[Path], object], file: str, expect: str, **more: bool):
        return input_case(name, lambda trial: make(trial.folder / file), expect=expect, **more)

    yield case("sound alone", write_sound, "clip.mp4", "refused")
    yield case("sound alone, WAV", write_sound, "clip.wav", "refused")
    one = {"frames": 1}
    yield case("one frame", lambda p: write_video(p, **one), "clip.mkv", "done")
    yield case("no frame", lambda p: write_video(p, frames=0), "clip.mkv", "refused")
    for size in ((2, 2), (1, 1), (161, 121), (8, 2000), (3000, 8)):
        name, codec = f"{size[0]}x{size[1]} pixels", {"codec": "ffv1", "pixels": "yuv444p"}
        make = lambda p, size=size, codec=codec: write_video(p, size=size, **codec)  # noqa: E731
        yield case(name, make, "clip.mkv", "any")
    for place in (0, 3):
        sizes = [(160, 120)] * place + [(64, 200)] * 3 + [(160, 120)] * 3
        make = lambda p, sizes=sizes: write_jpegs_as_video(p, sizes)  # noqa: E731
        yield case(f"another size from frame {place}", make, "clip.mkv", "done", quick=place == 3)
    giant = (60_000, 60_000)
    for ending in ("mkv", "avi"):
        make = lambda p: write_jpegs_as_video(p, [(160, 120)] * 5, declared=giant)  # noqa: E731
        yield case(f"a giant by its header, {ending}", make, f"clip.{ending}", "any", quick=True)
    for ending in ("ts", "mpg"):
        yield case(
            f"a clock that jumps back, {ending}", _repeat, f"clip.{ending}", "done", quick=True
        )
    rates = ((0, 1), (1, 0), (0, 0), (1, 10**9), (10**9, 1), (2**32 - 1, 1), (1, 2**32 - 1))
    for rate, scale in rates:
        yield input_case(
            f"{rate}/{scale} frames per second",
            lambda trial, r=rate, s=scale: set_rate(trial.clip("clip.avi"), r, s),
            expect="done",
            quick=rate == 0 or scale == 10**9,
        )


def _damaged(random: Random) -> Iterator[Case]:
    """Every container, whole, cut, and with bytes changed."""
    for file in CONTAINERS:
        yield input_case(
            f"{file}, whole",
            lambda trial, file=file: write_video(trial.folder / file),
            expect="done",
        )
        for share in (*(random.random() for _ in range(4)), 0.01):
            yield input_case(
                f"{file}, the first {share:.3%}",
                lambda trial, file=file, share=share: truncate(
                    write_video(trial.folder / file), share
                ),
            )
        for count in (1, 5, 20, 100, 1000):
            yield input_case(
                f"{file}, {count} bytes changed",
                lambda trial, file=file, count=count: flip_bytes(
                    write_video(trial.folder / file), trial.random, count
                ),
                quick=file == "clip.mkv" and count == 20,
            )


def _repeat(path: Path) -> Path:
    """A video three times in one file."""
    path.write_bytes(3 * write_video(path).read_bytes())
    return path


def _write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def _link(trial: Trial, target: object) -> Path:
    path = trial.folder / "loop.mp4"
    path.symlink_to(str(target))
    return path


def _make_fifo(trial: Trial) -> Path:
    os.mkfifo(trial.folder / "clip.mp4")
    return trial.folder / "clip.mp4"


def _make_socket(trial: Trial) -> str:
    server = trial.stack.enter_context(socket.socket(socket.AF_UNIX))
    server.bind(str(trial.folder / "clip.mp4"))
    return "clip.mp4"


def _make_folder(trial: Trial) -> Path:
    (trial.folder / "clip.mp4").mkdir()
    return trial.folder / "clip.mp4"


def _make_sparse_file(trial: Trial) -> Path:
    path = _write(trial.folder / "clip.mp4", b"")
    os.truncate(path, 1 << 40)
    return path

"""Folders of images with something in them that is no image, not whole, or like no other."""

import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import cv2
import numpy as np

from helpers.faults.case import Case, Trial
from helpers.faults.inputs import input_case
from helpers.faults.material import draw_frame
from helpers.faults.media import BOMBS, TRAPS, flip_bytes, make_blank_png, truncate

_ENDINGS = (".bmp", ".jpg", ".pgm", ".png", ".ppm", ".tiff", ".webp")
_FOURTH = "000003x"


def cases(random: Random) -> Iterator[Case]:
    """All of them."""
    yield from _bad_images()
    yield from _damaged(random)
    yield from _other_kinds()
    yield from _strange_folders()


def folder_case(name: str, put: Callable[[Path, Trial], object], **fields: object) -> Case:
    """A case of a folder of six images, into which ``put`` puts something."""

    def make(trial: Trial) -> Path:
        folder = trial.images(count=6)
        put(folder, trial)
        return folder

    return input_case(name, make, **fields)


def _bad_images() -> Iterator[Case]:
    """Something else in the place of the fourth image."""

    def case(name: str, put: Callable[[Path], object], **fields: object) -> Case:
        def put_image(folder: Path, _: Trial) -> None:
            put(folder / f"{_FOURTH}.png")

        return folder_case(f"{name} among images", put_image, expect="refused", **fields)

    for name, make in (BOMBS | TRAPS).items():
        yield folder_case(
            f"{name} among images",
            lambda folder, _, name=name, make=make: (
                folder / f"{_FOURTH}{Path(name).suffix}"
            ).write_bytes(make()),
            expect="refused",
            quick=name in ("bomb.png", "bomb.tiff", "chunk.png"),
        )
    yield case("a bomb of another kind", lambda p: p.write_bytes(BOMBS["bomb.tiff"]()))
    yield case("a GIF named PNG", lambda p: p.write_bytes(b"GIF89a\xff\xff\xff\xff" + bytes(99)))
    yield case("a giant of JPEG 2000", lambda p: p.write_bytes(_make_giant_jpeg_2000()))
    yield case("a FIFO", os.mkfifo, quick=True)
    yield case("a socket", lambda p: socket.socket(socket.AF_UNIX).bind(str(p)))
    yield case("a folder", Path.mkdir)
    yield case("a link to /dev/zero", lambda p: p.symlink_to("/dev/zero"), quick=True)
    yield case("a link to itself", lambda p: p.symlink_to(p.name))
    yield case("a link that leads nowhere", lambda p: p.symlink_to("gone.png"))
    yield case("a terabyte of nothing", _make_sparse_file)
    yield case("an empty file", Path.touch)
    yield case("text", lambda p: p.write_text("no image"))
    yield case("another size", lambda p: cv2.imwrite(str(p), np.zeros((50, 50, 3), np.uint8)))
    yield case("a single pixel", lambda p: cv2.imwrite(str(p), np.zeros((1, 1, 3), np.uint8)))
    yield case(
        "a JPEG of a million segments", lambda p: p.write_bytes(b"\xff\xd8" + b"\xff\0" * 10**6)
    )
    yield case("a PPM of comments", lambda p: p.write_bytes(b"P6" + b"# x\n" * 10**5))
    yield case("a PNM of spaces", lambda p: p.write_bytes(b"P5" + b" " * 10**6))


def _damaged(random: Random) -> Iterator[Case]:
    """Every kind of image, the fourth one cut or with bytes changed."""

    def put(folder: Path, ending: str, damage: Callable[[Path], object]) -> None:
        for index, path in enumerate(sorted(folder.iterdir())):
            path.unlink()
            frame = draw_frame(index)
            cv2.imwrite(str(path.with_suffix(ending)), frame[..., 0] if ending == ".pgm" else frame)
        damage(sorted(folder.iterdir())[3])

    for ending in _ENDINGS:
        yield folder_case(
            f"{ending} images, whole",
            lambda folder, _, e=ending: put(folder, e, lambda path: None),
            expect="done",
        )
        for share in (*(random.random() for _ in range(3)), 0.999):
            yield folder_case(
                f"{ending} image, the first {share:.2%}",
                lambda folder, _, e=ending, share=share: put(
                    folder, e, lambda path: truncate(path, share)
                ),
                expect="refused",
                quick=share == 0.999 and ending in (".png", ".jpg"),
            )
        for count in (1, 10, 100):
            yield folder_case(
                f"{ending} image, {count} bytes changed",
                lambda folder, trial, e=ending, n=count: put(
                    folder, e, lambda path: flip_bytes(path, trial.random, n)
                ),
                quick=count == 100 and ending in (".png", ".jpg"),
            )


def _other_kinds() -> Iterator[Case]:
    """Images of one size and of several kinds."""

    def case(name: str, image: np.ndarray, ending: str = ".png", expect: str = "done") -> Case:
        return folder_case(
            name,
            lambda folder, _: cv2.imwrite(str(folder / f"{_FOURTH}{ending}"), image),
            expect=expect,
            quick=ending != ".png",
        )

    frame = draw_frame(3)
    grey = frame[..., 0]
    yield case("a grey image among coloured ones", grey)
    yield case("an image of 16 bits", frame.astype(np.uint16) * 257)
    yield case("a grey image of 16 bits", grey.astype(np.uint16) * 257)
    yield case("an image with transparency", cv2.cvtColor(frame, cv2.COLOR_BGR2BGRA))
    yield case("an image of floats", frame.astype(np.float32) / 255, ".tiff", "refused")
    yield case("an image of floats of 64 bits", frame.astype(np.float64), ".tiff", "refused")
    yield case("another kind of file", frame, ".webp")
    for size in ((1, 1), (1, 50_000), (50_000, 1), (3, 3), (161, 121)):
        yield folder_case(
            f"images of {size[0]}x{size[1]} pixels",
            lambda folder, _, size=size: _resize(folder, size),
            quick=size == (1, 1),
        )


def _strange_folders() -> Iterator[Case]:
    """What else a folder may hold, or not."""

    def case(name: str, fill: Callable[[Path], object], expect: str) -> Case:
        def make(trial: Trial) -> str:
            (trial.folder / "frames").mkdir()
            fill(trial.folder / "frames")
            return "frames"

        return input_case(name, make, expect=expect)

    image = cv2.imencode(".png", draw_frame(0))[1].tobytes()
    yield case("an empty folder", lambda folder: None, "refused")
    yield case("folders within folders", lambda f: (f / "a/b/c").mkdir(parents=True), "refused")
    yield case("hidden images alone", lambda f: (f / ".1.png").write_bytes(image), "refused")
    yield case("a file named img1", lambda f: (f / "img1").write_bytes(image), "refused")
    yield case("an empty img1", lambda f: (f / "img1").mkdir(), "refused")
    yield case("a FIFO named img1", lambda f: os.mkfifo(f / "img1"), "refused")
    yield case("one image", lambda f: (f / "1.png").write_bytes(image), "done")
    yield case("an ending in capitals", lambda f: (f / "1.PNG").write_bytes(image), "done")
    yield case("a folder linked to itself", lambda f: (f / "img1").symlink_to(f), "refused")
    yield folder_case(
        "an image that is linked twice",
        lambda folder, _: (folder / f"{_FOURTH}.png").symlink_to("000001.png"),
        expect="done",
    )
    yield input_case("images as large as may be", _make_large_images, expect="done", seconds=120)
    yield folder_case(
        "five thousand other files",
        lambda folder, _: [(folder / f"{n}.txt").touch() for n in range(5000)],
        expect="done",
    )
    yield folder_case(
        "a number of two hundred digits",
        lambda folder, _: (folder / f"{'9' * 200}.png").write_bytes(image),
        expect="done",
    )
    yield folder_case(
        "digits of another alphabet",
        lambda folder, _: (folder / "٣.png").write_bytes(image),
        expect="done",
    )


def _make_large_images(trial: Trial) -> str:
    (trial.folder / "frames").mkdir()
    content = make_blank_png(2**14, 2**13)
    for index in range(4):
        (trial.folder / f"frames/{index}.png").write_bytes(content)
    return "frames"


def _make_giant_jpeg_2000() -> bytes:
    """Small by its header, and 60,000 x 60,000 pixels by what is decoded."""
    data = cv2.imencode(".jp2", draw_frame(3))[1].tobytes()
    place = data.index(b"\xff\x4f\xff\x51") + 8
    return data[:place] + 2 * (60_000).to_bytes(4, "big") + data[place + 8 :]


def _make_sparse_file(path: Path) -> None:
    path.touch()
    os.truncate(path, 1 << 40)


def _resize(folder: Path, size: tuple[int, int]) -> None:
    for path in folder.iterdir():
        cv2.imwrite(str(path), cv2.resize(cv2.imread(str(path)), size))

"""Tiny ImageNet: photos of 64 x 64 pixels of one thing each, straight from its archive."""

import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath

import cv2
import numpy as np
from jaxtyping import UInt8

from mvot_plugin.errors import InputError

__all__ = ["Tiles", "read_tiles"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Tiles:
    """Small photos (BGR); ``kinds`` are the names of what is on them."""

    images: tuple[UInt8[np.ndarray, "_ _ 3"], ...] = ()
    kinds: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if len(self.images) != len(self.kinds):
            raise ValueError("as many kinds as images are needed")

    def __add__(self, other: "Tiles") -> "Tiles":
        return Tiles(images=self.images + other.images, kinds=self.kinds + other.kinds)


def read_tiles(archive: Path) -> tuple[Tiles, Tiles]:
    """The photos to train on and those to validate on, each by name.

    Raises ``InputError`` if the archive cannot be read.
    """
    try:
        files = _content(archive)
        said = "".join(text.decode() for path, text in files.items() if "annotations" in path.name)
        kinds = {line.split()[0]: line.split()[1] for line in said.splitlines()}
    except (OSError, EOFError, tarfile.TarError, ValueError, IndexError) as error:
        raise InputError(f"{archive} is no archive of Tiny ImageNet: {error}") from error
    photos = {p.name: text for p, text in sorted(files.items()) if p.suffix == ".JPEG"}
    trained = {name: name.split("_")[0] for name in photos if name not in kinds}
    return _tiles(photos, trained), _tiles(photos, kinds)


def _content(archive: Path) -> dict[PurePath, bytes]:
    """The photos of ``train`` and ``val``, and what the latter's are said to show."""
    found = {}
    with tarfile.open(archive, "r|*") as tar:
        for member in tar:
            path = PurePath(member.name)
            wanted = path.suffix == ".JPEG" and not {"train", "val"}.isdisjoint(path.parts)
            if member.isfile() and (wanted or path.name == "val_annotations.txt"):
                file = tar.extractfile(member)
                found[path] = file.read() if file else b""
    return found


def _tiles(photos: Mapping[str, bytes], kinds: Mapping[str, str]) -> Tiles:
    names = [name for name in photos if name in kinds]
    decoded = [_decoded(photos[name]) for name in names]
    known = [(image, kinds[name]) for image, name in zip(decoded, names, strict=True) if image.size]
    return Tiles(images=tuple(i for i, _ in known), kinds=tuple(k for _, k in known))


def _decoded(code: bytes) -> UInt8[np.ndarray, "_ _ 3"]:
    image = cv2.imdecode(np.frombuffer(code, np.uint8), cv2.IMREAD_COLOR) if code else None
    return np.zeros((0, 0, 3), np.uint8) if image is None else np.asarray(image)

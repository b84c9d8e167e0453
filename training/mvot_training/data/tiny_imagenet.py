"""Tiny ImageNet: labelled photos of 64 x 64 pixels (tiles), read from its archive."""

import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath

import cv2
import numpy as np
from jaxtyping import UInt8

from mvot_plugin.errors import InputError

__all__ = ["LabelledTiles", "read_tiny_imagenet"]


@dataclass(frozen=True, kw_only=True, eq=False)
class LabelledTiles:
    """Small photos (BGR) and the names of their classes."""

    images: tuple[UInt8[np.ndarray, "_ _ 3"], ...] = ()
    class_names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if len(self.images) != len(self.class_names):
            raise ValueError("as many class names as images are needed")

    def __add__(self, other: "LabelledTiles") -> "LabelledTiles":
        return LabelledTiles(
            images=self.images + other.images, class_names=self.class_names + other.class_names
        )


def read_tiny_imagenet(archive: Path) -> tuple[LabelledTiles, LabelledTiles]:
    """Read the photos to train on and those to validate on, each in the order of their names.

    Raises ``InputError`` if the archive cannot be read.
    """
    try:
        files = _read_archive(archive)
        table = "".join(text.decode() for path, text in files.items() if "annotations" in path.name)
        validation = {line.split()[0]: line.split()[1] for line in table.splitlines()}
    except (OSError, EOFError, tarfile.TarError, ValueError, IndexError) as error:
        raise InputError(f"{archive} is not an archive of Tiny ImageNet: {error}") from error
    photos = {p.name: data for p, data in sorted(files.items()) if p.suffix == ".JPEG"}
    training = {name: name.split("_")[0] for name in photos if name not in validation}
    return _decode_tiles(photos, training), _decode_tiles(photos, validation)


def _read_archive(archive: Path) -> dict[PurePath, bytes]:
    """Read the photos of ``train`` and ``val``, and the table of the latter's classes."""
    files = {}
    with tarfile.open(archive, "r|*") as tar:
        for member in tar:
            path = PurePath(member.name)
            is_photo = path.suffix == ".JPEG" and not {"train", "val"}.isdisjoint(path.parts)
            if member.isfile() and (is_photo or path.name == "val_annotations.txt"):
                file = tar.extractfile(member)
                files[path] = file.read() if file else b""
    return files


def _decode_tiles(photos: Mapping[str, bytes], class_names: Mapping[str, str]) -> LabelledTiles:
    """Decode the photos that have a class name, without those that are no images."""
    names = [name for name in photos if name in class_names]
    images = [_decode(photos[name]) for name in names]
    tiles = [(i, class_names[name]) for i, name in zip(images, names, strict=True) if i.size]
    return LabelledTiles(images=tuple(i for i, _ in tiles), class_names=tuple(k for _, k in tiles))


def _decode(code: bytes) -> UInt8[np.ndarray, "_ _ 3"]:
    image = cv2.imdecode(np.frombuffer(code, np.uint8), cv2.IMREAD_COLOR) if code else None
    return np.zeros((0, 0, 3), np.uint8) if image is None else np.asarray(image)

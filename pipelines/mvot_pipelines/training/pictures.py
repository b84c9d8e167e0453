"""Many images of any sizes in one flat array, which may lie on disk."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Int64, UInt8

__all__ = ["Pictures", "reduced"]

LONGEST = 1000
"""Pixels of the longer side of a picture; larger ones are reduced."""


def reduced(image: UInt8[np.ndarray, "_ _ 3"]) -> UInt8[np.ndarray, "_ _ 3"]:
    """The image, made smaller if it is larger than training has a use for."""
    factor = LONGEST / max(image.shape[:2])
    if factor >= 1:
        return image
    return np.asarray(cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA))


@dataclass(frozen=True, kw_only=True, eq=False)
class Pictures:
    """Images behind each other in one array; indexing gives a view, never a copy.

    ``shapes`` holds rows, columns and channels of each.
    """

    pixels: UInt8[np.ndarray, " bytes"]
    shapes: Int64[np.ndarray, "n 3"]
    starts: Int64[np.ndarray, " n"]

    @classmethod
    def of(cls, images: Iterable[UInt8[np.ndarray, "_ _ _"]]) -> "Pictures":
        """All of these images."""
        flat: list[np.ndarray] = []
        shapes: list[tuple[int, ...]] = []
        for image in images:
            flat.append(image.ravel())
            shapes.append(image.shape)
        pixels = np.concatenate(flat) if flat else np.zeros(0, np.uint8)
        return cls._from(pixels, np.array(shapes, np.int64).reshape(-1, 3))

    @classmethod
    def kept(
        cls, stem: Path | None, make: Callable[[], Iterable[UInt8[np.ndarray, "_ _ _"]]]
    ) -> "Pictures":
        """What ``make`` gives, read back from ``stem``.npy where an earlier call has left it.

        With a ``stem`` the pixels stay on disk, mapped into memory; with None they are in memory.
        """
        if stem is None:
            return cls.of(make())
        pixels, shapes = Path(f"{stem}.npy"), Path(f"{stem}.shapes.npy")
        if not shapes.is_file():
            made = cls.of(make())
            stem.parent.mkdir(parents=True, exist_ok=True)
            np.save(pixels, made.pixels)
            np.save(shapes, made.shapes)  # last: it says that the other is whole
        if not (known := np.load(shapes)).size:
            return cls.of(())
        return cls._from(np.load(pixels, mmap_mode="r").view(np.ndarray), known)

    @classmethod
    def _from(cls, pixels: np.ndarray, shapes: np.ndarray) -> "Pictures":
        ends = np.cumsum(shapes.prod(1))
        return cls(pixels=pixels, shapes=shapes, starts=ends - shapes.prod(1))

    def __len__(self) -> int:
        return len(self.shapes)

    def __getitem__(self, index: int) -> UInt8[np.ndarray, "_ _ _"]:
        shape = self.shapes[index]
        start = self.starts[index]
        return self.pixels[start : start + shape.prod()].reshape(shape)

    def __iter__(self) -> Iterator[UInt8[np.ndarray, "_ _ _"]]:
        return (self[index] for index in range(len(self)))

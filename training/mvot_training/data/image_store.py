"""Many images of any sizes in one flat array, in memory or mapped from disk."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Int64, UInt8

__all__ = ["ImageStore", "limit_size"]

MAX_IMAGE_SIDE = 1000
"""Pixels of the longer side of an image; larger ones are reduced."""


def limit_size(image: UInt8[np.ndarray, "_ _ 3"]) -> UInt8[np.ndarray, "_ _ 3"]:
    """Reduce an image that is larger than ``MAX_IMAGE_SIDE``."""
    factor = MAX_IMAGE_SIDE / max(image.shape[:2])
    if factor >= 1:
        return image
    return np.asarray(cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA))


@dataclass(frozen=True, kw_only=True, eq=False)
class ImageStore:
    """Images one after another in one array; indexing gives a view, never a copy."""

    pixels: UInt8[np.ndarray, " bytes"]
    shapes: Int64[np.ndarray, "n 3"]
    """Rows, columns and channels of each image."""
    starts: Int64[np.ndarray, " n"]
    """Where each image starts in ``pixels``."""

    @classmethod
    def of(cls, images: Iterable[UInt8[np.ndarray, "_ _ _"]]) -> "ImageStore":
        """Store copies of these images."""
        flat: list[np.ndarray] = []
        shapes: list[tuple[int, ...]] = []
        for image in images:
            flat.append(image.ravel())
            shapes.append(image.shape)
        pixels = np.concatenate(flat) if flat else np.zeros(0, np.uint8)
        return cls._from(pixels, np.array(shapes, np.int64).reshape(-1, 3))

    @classmethod
    def load_or_create(
        cls, stem: Path | None, create: Callable[[], Iterable[UInt8[np.ndarray, "_ _ _"]]]
    ) -> "ImageStore":
        """Map the images of an earlier call from ``stem``.npy, or create and save them first.

        Without a ``stem`` they are created in memory and not saved.
        """
        if stem is None:
            return cls.of(create())
        pixels, shapes = Path(f"{stem}.npy"), Path(f"{stem}.shapes.npy")
        if not shapes.is_file():
            created = cls.of(create())
            stem.parent.mkdir(parents=True, exist_ok=True)
            np.save(pixels, created.pixels)
            np.save(shapes, created.shapes)  # last: the file of pixels is complete
        if not (saved := np.load(shapes)).size:
            return cls.of(())
        return cls._from(np.load(pixels, mmap_mode="r").view(np.ndarray), saved)

    @classmethod
    def _from(cls, pixels: np.ndarray, shapes: np.ndarray) -> "ImageStore":
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

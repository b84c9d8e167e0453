"""What a family of exports is, and what their decoding shares."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float, Float32, Int64

from mvot_plugin.detectors.classes import COCO
from mvot_plugin.detectors.onnx.preparation import Colors, Fit, Size
from mvot_plugin.errors import InputError
from mvot_plugin.types import CXCYWH, XYXY, Detections

__all__ = [
    "IMAGENET",
    "Decode",
    "Family",
    "Outputs",
    "Probe",
    "are_unit",
    "best_classes",
    "cell_corners",
    "count_cells",
    "drop_batch",
    "name_classes",
    "parse_literal",
    "refuse_misfits",
    "to_corners",
]

Outputs = Mapping[str, np.ndarray]
"""A graph's results by name."""
Decode = Callable[[Outputs, Size, float], Detections]
"""From outputs, the input's size and the least confidence to boxes in pixels of the input."""

_LONGEST_LITERAL = 1 << 20
"""Characters; ten thousand names of classes have fewer."""

IMAGENET = Colors(mean=(123.675, 116.28, 103.53), deviation=(58.395, 57.12, 57.375))
"""Normalized as networks that were pretrained on ImageNet."""


@dataclass(frozen=True, kw_only=True)
class Family:
    """How the networks of one kind of export are used."""

    decode: Decode
    """Reads detections from the outputs."""
    names: Mapping[int, str]
    """The class names by number."""
    colors: Colors = field(default_factory=Colors)
    """The colours that the network takes."""
    fit: Fit = "center"
    """How an image fills the network's input."""
    pad: int = 114
    """The value beside the image."""
    iou: float | None = None
    """The largest overlap of two detections of a class; None where the network sees to it."""


@dataclass(frozen=True, kw_only=True)
class Probe:
    """What a graph said about itself, and answered to an image of noise."""

    outputs: Outputs
    """Its results."""
    size: Size
    """The image's size."""
    names: Mapping[int, str] | None
    """The class names in its metadata, if any."""
    flags: Mapping[str, str] = field(default_factory=dict)
    """Its other metadata."""

    def only_output(self) -> np.ndarray | None:
        """The table that is the only output, without its batch dimension; None for others."""
        tables = [drop_batch(array) for array in self.outputs.values()]
        return tables[0] if len(tables) == 1 and tables[0].ndim == 2 else None


def parse_literal(text: str, parse: Callable[[str], Any]) -> Any:
    """A value in a file's metadata by a parser of literals; None where it is none."""
    try:
        return parse(text[:_LONGEST_LITERAL])
    except (ValueError, SyntaxError, RecursionError, MemoryError):  # too long, too deep, too much
        return None


@contextmanager
def refuse_misfits(origin: str) -> Iterator[None]:
    """Raise ``InputError``, which names ``origin``, where arrays have unexpected shapes."""
    try:
        yield
    except Exception as error:  # whatever arrays of any shape and number run into
        reason = str(error).split("\n")[0]
        raise InputError(f"{origin}: its answer is no detector's: {reason}") from error


def drop_batch(array: np.ndarray) -> np.ndarray:
    """An output without its first dimension where that is a batch of one; float32 if it is any."""
    single = array[0] if array.ndim > 2 and len(array) == 1 else array
    return single.astype(np.float32, copy=False) if single.dtype.kind == "f" else single


def name_classes(probe: Probe, count: int | None) -> Mapping[int, str]:
    """The names in the metadata; otherwise COCO's for 80 or unknown ``count``, or numbered ones."""
    if probe.names is not None:
        return probe.names
    return COCO if count in (None, 80) else {k: f"class{k}" for k in range(count or 0)}


def are_unit(values: np.ndarray) -> bool:
    """Whether values may be probabilities: all of them within 0..1, with room for rounding."""
    return bool(((values >= -1e-3) & (values <= 1 + 1e-3)).all())


def to_corners(boxes: Float[CXCYWH, " n"]) -> Float[XYXY, " n"]:
    """Boxes given by centre and size, by their corners."""
    half = boxes[:, 2:] / 2
    return np.concatenate([boxes[:, :2] - half, boxes[:, :2] + half], axis=1)


def best_classes(
    scores: Float[np.ndarray, "n classes"], conf: float
) -> tuple[Int64[np.ndarray, " kept"], Float32[np.ndarray, " kept"], Int64[np.ndarray, " kept"]]:
    """Of each row its best class, where that reaches ``conf``: rows, confidences, classes."""
    best = scores.max(axis=1)
    rows = np.flatnonzero(best >= conf)
    return rows, best[rows].astype(np.float32), scores[rows].argmax(axis=1)


def count_cells(size: Size, strides: tuple[int, ...]) -> int:
    """How many cells the grids of ``strides`` pixels have on an image together."""
    return sum(-(-size[0] // stride) * -(-size[1] // stride) for stride in strides)


def cell_corners(
    size: Size, strides: tuple[int, ...]
) -> tuple[Float32[np.ndarray, "cells 2"], Float32[np.ndarray, "cells 1"]]:
    """The left top corner of each cell of the grids, in pixels, row by row; and its stride."""
    corners, sides = [], []
    for stride in strides:
        rows, columns = -(-size[0] // stride), -(-size[1] // stride)
        y, x = np.mgrid[:rows, :columns].reshape(2, -1).astype(np.float32)
        corners.append(np.stack([x, y], axis=1) * np.float32(stride))
        sides.append(np.full((rows * columns, 1), stride, np.float32))
    return np.concatenate(corners), np.concatenate(sides)

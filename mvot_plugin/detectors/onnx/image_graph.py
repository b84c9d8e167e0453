"""A graph that takes one image."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mvot_plugin.detectors.onnx.family import Outputs
from mvot_plugin.detectors.onnx.preparation import Size
from mvot_plugin.errors import InputError
from mvot_plugin.runtimes.graph import Graph

__all__ = ["ImageGraph", "describe_shapes"]

_TARGET_SIZES = "orig_target_sizes"
"""The second input of RT-DETR and D-FINE: the size that boxes are wanted in, width and height."""


@dataclass(frozen=True, kw_only=True)
class ImageArgument:
    """The image that a graph takes."""

    name: str
    """The argument's name."""
    size: Size | None
    """Its size; None is any."""
    channels_last: bool
    """Whether its shape is (1, height, width, 3), rather than (1, 3, height, width)."""
    dtype: np.dtype[Any]
    """Its number format."""


class ImageGraph:
    """A function from one image to arrays.

    Args:
        path: An ONNX file.
        threads: How many threads it may use; None is as many as the process may use.

    Attributes:
        name: What errors call it.
        argument: The image that it takes.
        metadata: The texts that are stored in the file, by key.

    Raises:
        InputError: The file cannot be loaded, or takes something else than one image.
        UsageError: ``threads`` is below 1.
    """

    def __init__(self, path: Path, *, threads: int | None = None) -> None:
        self._graph = Graph(path, threads=threads)
        self.name = str(path)
        self.argument = _find_argument(self._graph, self.name)
        self.metadata: Mapping[str, str] = self._graph.metadata

    def __call__(self, image: np.ndarray, size: Size) -> Outputs:
        """Run it.

        Args:
            image: What ``to_array`` returns for ``argument``.
            size: The image's height and width.

        Returns:
            The outputs by name.

        Raises:
            InputError: It cannot be run on an image of this size.
        """
        target = np.array([size[::-1]], np.int64)
        arrays = [image if key == self.argument.name else target for key in self._graph.inputs]
        try:
            results = self._graph(*arrays)
        except Exception as error:  # the classes of onnxruntime's errors have no common base
            reason = str(error).split("\n")[0]
            raise InputError(
                f"{self.name}: cannot be run on an image of {size[1]}x{size[0]}: {reason}"
            ) from error
        outputs = dict(zip(self._graph.outputs, results, strict=True))
        for name, array in outputs.items():
            if not isinstance(array, np.ndarray) or array.dtype.kind not in "fiub":
                raise InputError(f"{self.name}: its answer {name!r} is no array of numbers")
        return outputs

    def run_on_noise(self, size: Size) -> Outputs:
        """Run it on an image of noise of ``size``; raises what a call raises."""
        shape = (1, *size, 3) if self.argument.channels_last else (1, 3, *size)
        noise = np.random.default_rng(0).integers(0, 256, shape)
        return self(noise.astype(self.argument.dtype), size)


def describe_shapes(shapes: Mapping[str, tuple[Any, ...]]) -> str:
    """Arrays with their shapes, in words."""
    parts = [f"{name} ({', '.join(str(d or '?') for d in s)})" for name, s in shapes.items()]
    return ", ".join(parts[:6]) + (f" and {len(parts) - 6} more" if len(parts) > 6 else "")


def _find_argument(graph: Graph, name: str) -> ImageArgument:
    images = [key for key, shape in graph.inputs.items() if _is_image(shape)]
    if len(images) != 1 or set(graph.inputs) - {*images, _TARGET_SIZES}:
        raise InputError(
            f"{name}: takes {describe_shapes(graph.inputs)}; a detector takes one image, of shape "
            "(1, 3, height, width) or (1, height, width, 3)"
        )
    shape, dtype = graph.inputs[images[0]], graph.dtypes[images[0]]
    if dtype.kind not in "fiu":
        raise InputError(f"{name}: its image {images[0]!r} has a number format that is unknown")
    if isinstance(shape[0], int) and shape[0] != 1:
        raise InputError(f"{name}: takes {shape[0]} images at once; export it for a batch of 1")
    height, width = shape[1:3] if shape[3] == 3 else shape[2:]
    fixed = isinstance(height, int) and isinstance(width, int)
    return ImageArgument(
        name=images[0],
        size=(height, width) if fixed else None,
        channels_last=shape[3] == 3,
        dtype=dtype,
    )


def _is_image(shape: tuple[Any, ...]) -> bool:
    return len(shape) == 4 and 3 in (shape[1], shape[3])

"""Re-identification networks from ONNX files, run by ONNX Runtime on the CPU."""

from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from jaxtyping import Float32, UInt8

from mvot_plugin.detectors.onnx.family import IMAGENET
from mvot_plugin.detectors.onnx.preparation import Size, to_array
from mvot_plugin.errors import InputError
from mvot_plugin.types import XYXY, Frame

__all__ = ["OnnxEmbedder"]

_DEFAULT_SIZE: Size = (256, 128)
_LARGEST_BATCH = 16
_MOST_NUMBERS = 100_000_000
"""In a batch of fixed size: 16 crops of 1,400 pixels a side."""


class OnnxEmbedder:
    """Describes boxes by a network from crops to vectors; building it runs it once.

    The network takes RGB crops, normalized as networks are that were pretrained on ImageNet (OSNet,
    and others of torchreid), and its first output has one vector for each of them. Boxes are
    cropped inside the frame, and resized to the network's input whatever their proportions.

    Args:
        path: The file. Its input is (N, 3, height, width) or (N, height, width, 3); N, height and
            width are fixed or of any size, and crops for any size are 256 pixels high and 128 wide.
        threads: How many threads it may use; None is as many as the process may use.

    Attributes:
        dimensions: D, the numbers in an embedding.

    Raises:
        InputError: The file is missing, cannot be loaded, or is no such network.
        UsageError: ``threads`` is below 1.

    Examples:
        >>> from mvot_plugin.embedders import OnnxEmbedder
        >>> from onnx import TensorProto, helper, save
        >>> crops = helper.make_tensor_value_info("crops", TensorProto.FLOAT, ["n", 3, 64, 32])
        >>> means = helper.make_tensor_value_info("means", TensorProto.FLOAT, ["n", 3, 1, 1])
        >>> pool = helper.make_node("GlobalAveragePool", ["crops"], ["means"])
        >>> graph = helper.make_graph([pool], "mean colours", [crops], [means])
        >>> versions = {"opset_imports": [helper.make_opsetid("", 17)], "ir_version": 8}
        >>> save(helper.make_model(graph, **versions), "means.onnx")
        >>> OnnxEmbedder("means.onnx", threads=1).dimensions
        3
    """

    dimensions: int

    def __init__(self, path: str | Path, *, threads: int | None = None) -> None:
        from mvot_plugin.runtimes.graph import Graph

        self._name, self._graph = str(path), Graph(Path(path), threads=threads)
        shape = _find_image(self._graph, self._name)
        self._dtype = next(iter(self._graph.dtypes.values()))
        self._channels_last = shape[1] != 3
        size = shape[1:3] if self._channels_last else shape[2:]
        sides = zip(size, _DEFAULT_SIZE, strict=True)
        height, width = (given if isinstance(given, int) else usual for given, usual in sides)
        self._size: Size = (height, width)
        self._fixed_batch = shape[0] if isinstance(shape[0], int) else None
        noise = np.random.default_rng(0).integers(
            0, 256, (self._fixed_batch or 2, height, width, 3), np.uint8
        )
        embeddings = self._run([noise])
        self.dimensions = embeddings.shape[1]
        if not np.isfinite(embeddings).all():
            raise InputError(f"{path}: answers with numbers that are NaN or infinite")

    def __call__(self, frame: Frame, boxes: Float32[XYXY, " n"], /) -> Float32[np.ndarray, "n d"]:
        """Embed N boxes, in batches that run side by side.

        Args:
            frame: The frame.
            boxes: (N, 4) float32, in pixels of the frame.

        Returns:
            What the network answers, (N, ``dimensions``).

        Raises:
            InputError: The network cannot be run.
        """
        if not len(boxes):
            return np.zeros((0, self.dimensions), np.float32)
        crops = _crop_boxes(frame.image, boxes, self._size)
        return self._run(list(self._split(crops)))[: len(boxes)]

    def _split(self, crops: UInt8[np.ndarray, "n h w 3"]) -> Iterator[UInt8[np.ndarray, "_ h w 3"]]:
        """Batches of crops; the last one of a fixed size is filled with blank ones."""
        share = -(-len(crops) // self._graph.threads)
        batch = self._fixed_batch or min(share, _LARGEST_BATCH)
        for first in range(0, len(crops), batch):
            part = crops[first : first + batch]
            missing = batch - len(part) if self._fixed_batch else 0
            yield np.pad(part, ((0, missing), (0, 0), (0, 0), (0, 0))) if missing else part

    def _run(self, batches: list[UInt8[np.ndarray, "_ h w 3"]]) -> Float32[np.ndarray, "n d"]:
        arrays = [(self._to_input(batch),) for batch in batches]
        try:
            answers = [outputs[0] for outputs in self._graph.map(arrays)]
        except Exception as error:  # the classes of onnxruntime's errors have no common base
            height, width = self._size
            reason = str(error).split("\n")[0]
            raise InputError(
                f"{self._name}: cannot be run on crops of {width}x{height}: {reason}"
            ) from error
        pairs = zip(answers, batches, strict=True)
        return np.concatenate([self._to_vectors(answer, len(batch)) for answer, batch in pairs])

    def _to_input(self, crops: UInt8[np.ndarray, "_ h w 3"]) -> np.ndarray:
        """The crops as the network takes them."""
        layout = {"channels_last": self._channels_last}
        return np.concatenate([to_array(crop, IMAGENET, self._dtype, **layout) for crop in crops])

    def _to_vectors(self, answer: Any, count: int) -> Float32[np.ndarray, "_ d"]:
        """One row for each of ``count`` crops, whatever dimensions of size 1 follow."""
        shape = np.shape(answer)
        is_table = len(shape) >= 2 and shape[0] == count and np.prod(shape[2:]) == 1
        if not (is_table and shape[1] and np.asarray(answer).dtype.kind in "fiu"):
            raise InputError(
                f"{self._name}: answers {count} crops with {tuple(shape)}; an embedder's network "
                "answers with one vector for each crop, (N, D)"
            )
        return np.asarray(answer, np.float32).reshape(count, -1)


def _crop_boxes(
    image: UInt8[np.ndarray, "h w 3"], boxes: Float32[XYXY, " n"], size: Size
) -> UInt8[np.ndarray, "n to_h to_w 3"]:
    """What lies inside boxes, at least a pixel of the image, resized to ``size``."""
    height, width = image.shape[:2]
    low = np.floor(boxes[:, :2]).clip(0, (width - 1, height - 1)).astype(np.int64)
    high = np.ceil(boxes[:, 2:]).clip(low + 1, (width, height)).astype(np.int64)
    crops = np.empty((len(boxes), *size, 3), np.uint8)
    for crop, (x0, y0), (x1, y1) in zip(crops, low.tolist(), high.tolist(), strict=True):
        is_smaller = (y1 - y0) * (x1 - x0) > size[0] * size[1]
        way = cv2.INTER_AREA if is_smaller else cv2.INTER_LINEAR
        cv2.resize(image[y0:y1, x0:x1], size[::-1], dst=crop, interpolation=way)
    return crops


def _find_image(graph: Any, name: str) -> tuple[Any, ...]:
    """The shape of the only input, which must be a batch of colour images."""
    from mvot_plugin.detectors.onnx.image_graph import describe_shapes

    shapes, formats = list(graph.inputs.values()), list(graph.dtypes.values())
    is_image = len(shapes) == 1 and len(shapes[0]) == 4 and 3 in (shapes[0][1], shapes[0][3])
    if is_image and prod(side for side in shapes[0] if isinstance(side, int)) > _MOST_NUMBERS:
        raise InputError(f"{name}: takes {describe_shapes(graph.inputs)}, which is far too much")
    if not is_image or formats[0].kind not in "fu" or 0 in shapes[0]:
        raise InputError(
            f"{name}: takes {describe_shapes(graph.inputs)}; an embedder's network takes one batch "
            "of crops, of shape (N, 3, height, width) or (N, height, width, 3)"
        )
    return tuple(shapes[0])

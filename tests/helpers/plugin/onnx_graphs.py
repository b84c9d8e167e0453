"""Small ONNX graphs that answer any image with the same tables, as detectors' exports do."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from mvot_plugin.types import Frame

__all__ = ["FRAME", "RGB", "table_of", "write_graph"]

RGB = (200, 100, 50)
"""The colour of ``FRAME``."""
FRAME = Frame(image=np.full((60, 120, 3), RGB[::-1], np.uint8), index=0, timestamp=0.0)
"""A frame of 120x60 pixels of one colour."""

_TYPES = {"float32": TensorProto.FLOAT, "float16": TensorProto.FLOAT16, "uint8": TensorProto.UINT8}


def table_of(rows: int, entries: Mapping[int, Sequence[float]], fill: float = 0.0) -> np.ndarray:
    """A table of one batch, (1, rows, columns): ``fill``, but for the rows of ``entries``."""
    columns = len(next(iter(entries.values())))
    table = np.full((1, rows, columns), fill, np.float32)
    for row, values in entries.items():
        table[0, row] = values
    return table


def write_graph(
    path: Path,
    outputs: Mapping[str, np.ndarray],
    *,
    shape: Sequence[Any] = (1, 3, 64, 64),
    dtype: str = "float32",
    pixel: Sequence[float] | None = None,
    otherwise: Mapping[str, np.ndarray] | None = None,
    metadata: Mapping[str, str] | None = None,
    more_inputs: Mapping[str, Sequence[int]] | None = None,
) -> Path:
    """Write a graph that answers an image with ``outputs``.

    Args:
        path: The file.
        outputs: The answer.
        shape: The image's shape.
        dtype: The image's number format.
        pixel: If given, the channels of the pixel at 3/8 of the width and height, which lies inside
            ``FRAME`` in all letterboxes, must have these values for ``outputs``.
        otherwise: The answer for other images.
        metadata: The file's metadata.
        more_inputs: Further inputs, int64, by name with their shapes.
    """
    image = helper.make_tensor_value_info("images", _TYPES[dtype], shape)
    more = [
        helper.make_tensor_value_info(name, TensorProto.INT64, size)
        for name, size in (more_inputs or {}).items()
    ]
    tables, nodes = [], []
    if pixel is not None:
        gate, tables = _compare_pixel(shape, pixel)
        nodes += gate
    results = []
    for name, table in outputs.items():
        tables.append(numpy_helper.from_array(table, f"{name}.table"))
        kind = helper.np_dtype_to_tensor_dtype(table.dtype)
        results.append(helper.make_tensor_value_info(name, kind, [None] * table.ndim))
        if pixel is None or otherwise is None:
            nodes.append(helper.make_node("Identity", [f"{name}.table"], [name]))
        else:
            tables.append(numpy_helper.from_array(otherwise[name], f"{name}.otherwise"))
            inputs = ["same", f"{name}.table", f"{name}.otherwise"]
            nodes.append(helper.make_node("Where", inputs, [name]))
    graph = helper.make_graph(nodes, "detector", [image, *more], results, tables)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, dict(metadata or {}))
    onnx.checker.check_model(model)
    onnx.save(model, path)
    return path


def _compare_pixel(
    shape: Sequence[Any], pixel: Sequence[float]
) -> tuple[list[onnx.NodeProto], list[onnx.TensorProto]]:
    """Nodes that set ``same`` where the image's pixel is ``pixel``, and their tables."""
    axis = 1 if shape[3] == 3 else 2
    tables = [
        numpy_helper.from_array(np.array(shape[axis] * 3 // 8, np.int64), "place"),
        numpy_helper.from_array(np.array(pixel, np.float32), "wanted"),
        numpy_helper.from_array(np.array(0.01 * max(np.abs(pixel)), np.float32), "tolerance"),
    ]
    nodes = [
        helper.make_node("Cast", ["images"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("Gather", ["floats", "place"], ["line"], axis=axis),
        helper.make_node("Gather", ["line", "place"], ["pixel"], axis=axis),
        helper.make_node("Sub", ["pixel", "wanted"], ["difference"]),
        helper.make_node("Abs", ["difference"], ["distance"]),
        helper.make_node("ReduceMax", ["distance"], ["furthest"], keepdims=0),
        helper.make_node("Less", ["furthest", "tolerance"], ["same"]),
    ]
    return nodes, tables

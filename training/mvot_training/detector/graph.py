"""The trained detector as a graph (ONNX), which runs without torch and ultralytics."""

import contextlib
import io
import tempfile
import warnings
from pathlib import Path

import numpy as np
import onnx

from mvot_plugin.detectors.ultralytics import import_ultralytics

__all__ = ["export_graph"]

_LARGE = 1024
"""Tables of more numbers than this are stored in half precision."""


def export_graph(checkpoint: Path, path: Path, image_size: int) -> None:
    """Write a checkpoint as a graph for frames of any size, its weights in half precision.

    Call it inside ``isolate_ultralytics``.

    Args:
        checkpoint: A model of ultralytics (.pt).
        path: The file to write (.onnx).
        image_size: The longer side of the frames that the graph's metadata asks for, in pixels.

    Raises:
        UsageError: ultralytics is not installed.
    """
    library = import_ultralytics()
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        copy = Path(folder) / checkpoint.name
        copy.write_bytes(checkpoint.read_bytes())
        options = {"dynamic": True, "simplify": False, "device": "cpu", "imgsz": image_size}
        with contextlib.redirect_stdout(io.StringIO()):
            exported = library.YOLO(str(copy), task="detect").export(format="onnx", **options)
        model = onnx.load(exported)
    _halve_weights(model.graph)
    kept = [entry for entry in model.metadata_props if entry.key != "date"]
    del model.metadata_props[:]
    model.metadata_props.extend(kept)
    onnx.checker.check_model(model)
    onnx.save(model, path)


def _halve_weights(graph: onnx.GraphProto) -> None:
    """Store large float32 tables as float16, each with a node that casts it back."""
    tables, casts = [], []
    for table in graph.initializer:
        values = onnx.numpy_helper.to_array(table)
        if values.dtype == np.float32 and values.size > _LARGE:
            half = f"{table.name}.half"
            casts.append(
                onnx.helper.make_node("Cast", [half], [table.name], to=onnx.TensorProto.FLOAT)
            )
            table = onnx.numpy_helper.from_array(values.astype(np.float16), half)
        tables.append(table)
    nodes = [*casts, *graph.node]
    del graph.initializer[:], graph.node[:]
    graph.initializer.extend(tables)
    graph.node.extend(nodes)

"""ONNX files of others: what they may hold, before they are run."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import onnx
from onnx import AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto, numpy_helper

from mvot_plugin.errors import InputError
from mvot_plugin.runtimes.reading import check_file

__all__ = ["read_onnx"]

_FLOATS = (TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.DOUBLE)


def read_onnx(path: Path) -> ModelProto:
    """Read an ONNX file, and check its weights.

    Tensors in files of their own are allowed beside it and below, and stay there.

    Raises:
        InputError: It is no such file, has a weight that is not a number (NaN), or names a file
            elsewhere.
    """
    check_file(path)
    try:
        model: ModelProto = onnx.load_model_from_string(path.read_bytes())
    except Exception as error:  # protobuf's own, and those of reading
        raise InputError(f"{path}: is no ONNX file: {error}") from error
    for tensor in _list_tensors(model):
        if tensor.data_location == TensorProto.EXTERNAL:
            _check_location(tensor, path)
        elif tensor.data_type in _FLOATS:
            _check_numbers(tensor, path)
    return model


def _check_numbers(tensor: TensorProto, path: Path) -> None:
    try:
        values = numpy_helper.to_array(tensor)
    except (ValueError, TypeError) as error:
        raise InputError(f"{path}: its tensor {tensor.name!r} is damaged: {error}") from error
    if np.isnan(values).any():
        raise InputError(f"{path}: its tensor {tensor.name!r} holds a NaN; take weights that work")


def _check_location(tensor: TensorProto, path: Path) -> None:
    """Raise ``InputError`` where a tensor lies outside the folder of its file."""
    location = next((e.value for e in tensor.external_data if e.key == "location"), "")
    folder = path.parent.resolve()
    try:
        target = (folder / location).resolve()
        is_inside = target.is_relative_to(folder) and target.is_file()
    except (OSError, RuntimeError, ValueError, TypeError):  # a loop of links, or no text
        is_inside = False
    if not is_inside:
        raise InputError(
            f"{path}: its tensor {tensor.name!r} lies in {location!r}, which is no file in this "
            "one's folder"
        )


def _list_tensors(model: ModelProto) -> Iterator[TensorProto]:
    """All tensors: weights and constants, those of inner graphs and of functions included."""
    yield from _list_of_graph(model.graph)
    for function in model.functions:
        yield from _list_of_nodes(function.node)


def _list_of_graph(graph: GraphProto) -> Iterator[TensorProto]:
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield sparse.values
        yield sparse.indices
    yield from _list_of_nodes(graph.node)


def _list_of_nodes(nodes: Iterable[NodeProto]) -> Iterator[TensorProto]:
    for node in nodes:
        for attribute in node.attribute:
            yield from _list_of_attribute(attribute)


def _list_of_attribute(attribute: AttributeProto) -> Iterator[TensorProto]:
    if attribute.HasField("t"):
        yield attribute.t
    yield from attribute.tensors
    if attribute.HasField("g"):
        yield from _list_of_graph(attribute.g)
    for graph in attribute.graphs:
        yield from _list_of_graph(graph)

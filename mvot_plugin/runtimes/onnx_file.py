"""ONNX files of others: what they may hold, before they are run."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import onnx
from onnx import AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto, numpy_helper

from mvot_plugin.errors import InputError
from mvot_plugin.runtimes.reading import MOST_BYTES, check_file

__all__ = ["list_external_files", "read_onnx"]

_FLOATS = (TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.DOUBLE)


def read_onnx(path: Path) -> ModelProto:
    """Read an ONNX file with its tensors in files of their own, and check its weights.

    Raises:
        InputError: It is no such file, has a weight that is not a number (NaN), or names a file
            that is not in its folder; links in it may lead anywhere. Or it is beyond 2 GiB.
    """
    model, room = _parse(path), MOST_BYTES
    for tensor in _list_tensors(model):
        if tensor.data_location == TensorProto.EXTERNAL:
            _load_external(tensor, path, room)
            room -= len(tensor.raw_data)
        if tensor.data_type in _FLOATS:
            _check_numbers(tensor, path)
    return model


def list_external_files(path: Path) -> set[Path]:
    """The files that an ONNX file keeps tensors in.

    Raises ``InputError`` where ``read_onnx`` does, but for what these files hold.
    """
    tensors = _list_tensors(_parse(path))
    return {_locate(t, path) for t in tensors if t.data_location == TensorProto.EXTERNAL}


def _parse(path: Path) -> ModelProto:
    check_file(path)
    try:
        model: ModelProto = onnx.load_model_from_string(path.read_bytes())
    except Exception as error:  # protobuf's own, and those of reading
        raise InputError(f"{path}: is no ONNX file: {error}") from error
    return model


def _check_numbers(tensor: TensorProto, path: Path) -> None:
    try:
        values = numpy_helper.to_array(tensor)
    except (ValueError, TypeError) as error:
        raise InputError(f"{path}: its tensor {tensor.name!r} is damaged: {error}") from error
    if np.isnan(values).any():
        raise InputError(f"{path}: its tensor {tensor.name!r} holds a NaN; take weights that work")


def _load_external(tensor: TensorProto, path: Path, most: int) -> None:
    """Move a tensor from its own file into the graph; raises ``InputError`` beyond ``most`` bytes.

    ONNX's own function follows no links, of which a cache of Hugging Face consists.
    """
    file = _locate(tensor, path)
    entries = {entry.key: entry.value for entry in tensor.external_data}
    try:
        start = int(entries.get("offset", 0))
        rest = file.stat().st_size - start
        size = int(entries.get("length", rest))
        if start < 0 or not 0 <= size <= rest:
            raise ValueError(f"{file} does not hold it")
        if size > most:
            raise ValueError(f"with it, the weights have more than {MOST_BYTES} bytes")
        with file.open("rb") as opened:
            opened.seek(start)
            tensor.raw_data = opened.read(size)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: its tensor {tensor.name!r} is damaged: {error}") from error
    tensor.data_location = TensorProto.DEFAULT
    del tensor.external_data[:]


def _locate(tensor: TensorProto, path: Path) -> Path:
    """The file that a tensor lies in; raises ``InputError`` for one that is not in the folder.

    By name, as links in it may lead anywhere.
    """
    name = next((e.value for e in tensor.external_data if e.key == "location"), "")
    try:
        inside = Path(name)
        is_inside = not inside.is_absolute() and not inside.drive and ".." not in inside.parts
        if is_inside and (path.parent / inside).is_file():
            return path.parent / inside
    except (OSError, RuntimeError, ValueError, TypeError):  # a loop of links, or no text
        pass
    raise InputError(
        f"{path}: its tensor {tensor.name!r} lies in {name!r}, which is no file in this one's "
        "folder"
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

"""Cutting ONNX graphs apart, and joining their nodes anew."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, helper, numpy_helper

from mvot_plugin.errors import InputError

__all__ = [
    "copy_model",
    "drop_unused",
    "find_producers",
    "follow",
    "list_convolutions",
    "make_model",
    "with_output",
]

OPSET = 14
"""Of the published files."""


def list_convolutions(graph: GraphProto, output: str) -> list[NodeProto]:
    """The convolutions that an output depends on, in the graph's order."""
    needed = find_producers(graph, [output])
    return [node for node in graph.node if node.op_type == "Conv" and node.output[0] in needed]


def find_producers(graph: GraphProto, names: Iterable[str]) -> set[str]:
    """The outputs of all nodes that ``names`` depend on, those that make them included."""
    needed = set(names)
    found: set[str] = set()
    for node in reversed(graph.node):
        if needed & set(node.output):
            found |= set(node.output)
            needed |= set(node.input)
    return found


def follow(graph: GraphProto, name: str, *kinds: str) -> str:
    """The output at the end of a chain of nodes of these kinds that begins at ``name``."""
    for kind in kinds:
        followers = [n for n in graph.node if n.op_type == kind and n.input[0] == name]
        if not followers:
            raise InputError(f"the head is not NanoTrack's: no {kind} follows {name}")
        name = followers[0].output[0]
    return name


def with_output(node: NodeProto, name: str) -> NodeProto:
    """A copy of a node with another output."""
    copied = NodeProto()
    copied.CopyFrom(node)
    copied.output[0] = name
    return copied


def copy_model(model: ModelProto) -> ModelProto:
    """A copy of a model."""
    copied = ModelProto()
    copied.CopyFrom(model)
    return copied


def drop_unused(graph: GraphProto) -> None:
    """Drop the nodes that no output depends on."""
    needed = {value.name for value in graph.output}
    kept = []
    for node in reversed(graph.node):
        if needed & set(node.output):
            kept.append(node)
            needed |= set(node.input)
    del graph.node[:]
    graph.node.extend(reversed(kept))


def make_model(
    nodes: Sequence[NodeProto],
    source: GraphProto,
    inputs: Mapping[str, tuple[int, Sequence[Any]]],
    outputs: Mapping[str, Sequence[Any]],
    constants: Mapping[str, list[int]] | None = None,
) -> ModelProto:
    """A model of ``nodes`` with those weights of ``source`` that they use, and ``constants``."""
    used = {name for node in nodes for name in node.input}
    weights = [tensor for tensor in source.initializer if tensor.name in used]
    weights += [
        numpy_helper.from_array(np.array(values, np.int64), name)
        for name, values in (constants or {}).items()
    ]
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info(k, kind, shape) for k, (kind, shape) in inputs.items()],
        [helper.make_tensor_value_info(k, TensorProto.FLOAT, v) for k, v in outputs.items()],
        weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)])
    model.ir_version = 8
    onnx.checker.check_model(model)
    return model

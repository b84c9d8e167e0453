"""NanoTrack's networks, out of the published ONNX files: for whole frames and for many targets.

The published backbone weighs its channels by gates (squeeze-and-excitation) that depend on the mean
of the whole image, so that it is made for one image of a target. With constants in their place it
is local: it sees a target the same in any part of any frame. The published head compares one
target; here it compares N, and what depends on the exemplar alone is computed when it is enrolled.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, helper, numpy_helper

from mvot_plugin.engines.nanotrack.surgery import (
    copy_model,
    drop_unused,
    find_producers,
    follow,
    list_convolutions,
    make_model,
    with_output,
)
from mvot_plugin.errors import InputError

__all__ = [
    "PublishedNetworks",
    "build_compare",
    "build_enroll",
    "build_features",
    "expose_gates",
    "find_gates",
    "search_shape",
]


@dataclass(frozen=True, kw_only=True, eq=False)
class PublishedNetworks:
    """NanoTrack's networks as they are published."""

    backbone: ModelProto
    """An image of 255 pixels, or of 127 for an exemplar, to features."""
    head: ModelProto
    """The features of an exemplar and of a search area to class scores and boxes."""


def expose_gates(backbone: ModelProto) -> ModelProto:
    """The published backbone with its gates' values, (1, C, 1, 1) each, as its only outputs."""
    model = copy_model(backbone)
    names = [node.input[1] for node in find_gates(model.graph)]
    del model.graph.output[:]
    model.graph.output.extend(
        helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in names
    )
    drop_unused(model.graph)
    return model


def build_features(backbone: ModelProto, gates: Sequence[Float32[np.ndarray, " _"]]) -> ModelProto:
    """The backbone with constant gates: BGR images (B, H, W, 3) to features (B, h, w, C).

    Raises ``InputError`` where the gates are not those of this backbone.
    """
    model = copy_model(backbone)
    graph = model.graph
    nodes = find_gates(graph)
    if len(nodes) != len(gates):
        raise InputError(f"the backbone has {len(nodes)} gates, but there are {len(gates)} values")
    for number, (node, gate) in enumerate(zip(nodes, gates, strict=True)):
        name = f"gate_{number}"
        values = np.asarray(gate, np.float32).reshape(1, -1, 1, 1)
        graph.initializer.append(numpy_helper.from_array(values, name))
        node.input[1] = name
    image, features = graph.input[0].name, graph.output[0].name
    before = [
        helper.make_node("Transpose", ["images"], ["images_nchw"], perm=[0, 3, 1, 2]),
        helper.make_node("Cast", ["images_nchw"], [image], to=TensorProto.FLOAT),
    ]
    after = [helper.make_node("Transpose", [features], ["features"], perm=[0, 2, 3, 1])]
    drop_unused(graph)
    nodes = [*before, *graph.node, *after]
    inputs = {"images": (TensorProto.UINT8, ["count", "height", "width", 3])}
    return make_model(nodes, graph, inputs, {"features": ["count", "rows", "columns", None]})


def build_enroll(head: ModelProto) -> ModelProto:
    """Exemplar features (N, 8, 8, C) to the kernels (N, 2, 64, C) that search areas meet.

    The first is the classification's, the second the regression's.

    Raises ``InputError`` where the head is not NanoTrack's.
    """
    graph = head.graph
    nodes = [helper.make_node("Transpose", ["features"], [graph.input[0].name], perm=[0, 3, 1, 2])]
    kernels = []
    for branch, convolution in enumerate(_exemplar_convolutions(graph)):
        convolved, flat, turned, kernel = (
            f"{name}_{branch}" for name in ("convolved", "flat", "turned", "kernel")
        )
        nodes += [
            with_output(convolution, convolved),
            helper.make_node("Reshape", [convolved, "flat_shape"], [flat]),
            helper.make_node("Transpose", [flat], [turned], perm=[0, 2, 1]),
            helper.make_node("Unsqueeze", [turned, "branch_axis"], [kernel]),
        ]
        kernels.append(kernel)
    nodes.append(helper.make_node("Concat", kernels, ["kernels"], axis=1))
    channels, _ = search_shape(head)
    constants = {"flat_shape": [0, channels, -1], "branch_axis": [1]}
    inputs = {"features": (TensorProto.FLOAT, ["count", "rows", "columns", channels])}
    outputs = {"kernels": ["count", 2, "cells", channels]}
    return make_model(nodes, graph, inputs, outputs, constants)


def build_compare(head: ModelProto) -> ModelProto:
    """Kernels (N, 2, 64, C) and search features (N, S, S, C) to logits and distances.

    The logits (N, S, S) are log odds of the target; the distances (N, 4, S, S), in pixels, those
    from a cell's centre to the left, top, right and bottom of the box.

    Raises ``InputError`` where the head is not NanoTrack's.
    """
    graph = copy_model(head).graph
    search = graph.input[1].name
    classes, distances = (value.name for value in graph.output)
    channels, cells = search_shape(head)
    kernels = [
        follow(graph, convolution.output[0], "Reshape", "Transpose")
        for convolution in _exemplar_convolutions(graph)
    ]
    nodes = [
        helper.make_node("Transpose", ["crops"], [search], perm=[0, 3, 1, 2]),
        helper.make_node("Split", ["kernels"], ["kernel_0", "kernel_1"], axis=1),
        helper.make_node("Squeeze", ["kernel_0", "second"], [kernels[0]]),
        helper.make_node("Squeeze", ["kernel_1", "second"], [kernels[1]]),
        *_search_nodes(graph, kernels),
        helper.make_node("Split", [classes], ["background", "target"], axis=1),
        helper.make_node("Sub", ["target", "background"], ["odds"]),
        helper.make_node("Squeeze", ["odds", "second"], ["logits"]),
        helper.make_node("Identity", [distances], ["distances"]),
    ]
    constants = {
        "second": [1],
        "to_maps": [0, -1, cells, cells],
        "to_cells": [0, channels, -1],
    }
    inputs = {
        "kernels": (TensorProto.FLOAT, ["count", 2, None, channels]),
        "crops": (TensorProto.FLOAT, ["count", cells, cells, channels]),
    }
    outputs = {"logits": ["count", cells, cells], "distances": ["count", 4, cells, cells]}
    return make_model(nodes, graph, inputs, outputs, constants)


def search_shape(head: ModelProto) -> tuple[int, int]:
    """The channels, and the cells along a side, of the features of the head's search areas."""
    sides = head.graph.input[1].type.tensor_type.shape.dim
    return sides[1].dim_value, sides[2].dim_value


def _search_nodes(graph: GraphProto, kernels: Sequence[str]) -> list[NodeProto]:
    """The nodes after the kernels, which are given; their shapes are for any number of targets."""
    sizes = {tensor.name: tensor.dims[0] for tensor in graph.initializer if len(tensor.dims) == 1}
    shapes = {3: "to_cells", 4: "to_maps"}
    given = find_producers(graph, kernels)
    kept = [node for node in graph.node if node.output[0] not in given]
    for node in kept:
        if node.op_type == "Reshape":
            node.input[1] = shapes[sizes[node.input[1]]]
    return kept


def find_gates(graph: GraphProto) -> list[NodeProto]:
    """The products of features with gates: their second factor ends in a (hard) sigmoid."""
    known = {name: node for node in graph.node for name in node.output}
    found = []
    for node in graph.node:
        factor = known.get(node.input[1]) if node.op_type == "Mul" else None
        while factor is not None and factor.op_type in ("Reshape", "Unsqueeze"):
            factor = known.get(factor.input[0])
        if factor is not None and factor.op_type in ("HardSigmoid", "Sigmoid"):
            found.append(node)
    return found


def _exemplar_convolutions(graph: GraphProto) -> list[NodeProto]:
    """The convolution of the exemplar in each branch: the classification's, the regression's."""
    exemplar = graph.input[0].name
    found = [
        node
        for output in graph.output
        for node in list_convolutions(graph, output.name)
        if node.input[0] == exemplar
    ]
    if len(found) != 2 or found[0] == found[1]:
        raise InputError("the head is not NanoTrack's: it must convolve exemplars in two branches")
    return found

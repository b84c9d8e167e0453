"""NanoTrack's published networks as a torch module: its shape and weights out of the ONNX files."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import torch
from jaxtyping import Float32
from onnx import GraphProto, NodeProto, helper, numpy_helper
from torch import nn

from mvot_plugin.engines.nanotrack.config import NanoTrackConfig
from mvot_plugin.engines.nanotrack.published import PublishedNetworks, find_gates
from mvot_plugin.engines.nanotrack.surgery import list_convolutions
from mvot_plugin.errors import InputError
from mvot_plugin.models.nanotrack import (
    BlockShape,
    BranchShape,
    Gate,
    NanoTrackNet,
    NanoTrackShape,
)
from mvot_plugin.runtimes.devices import choose_device, choose_dtype
from mvot_plugin.runtimes.torch_network import TorchNetwork, prepare

__all__ = ["build_network", "load_torch_network"]


def load_torch_network(
    published: PublishedNetworks,
    config: NanoTrackConfig,
    gates: Sequence[Float32[np.ndarray, " _"]],
    device: str,
    precision: str,
) -> TorchNetwork:
    """The published networks on torch, prepared to track.

    Raises ``InputError`` for files of another network, ``UsageError`` for a device.
    """
    chosen = choose_device(device)
    network = build_network(published, config, gates)
    prepare(network, chosen, choose_dtype(precision, chosen))
    return TorchNetwork(network)


def build_network(
    published: PublishedNetworks,
    config: NanoTrackConfig,
    gates: Sequence[Float32[np.ndarray, " _"]],
) -> NanoTrackNet:
    """The published networks as one module, with constant gates, as it would be trained.

    Raises ``InputError`` for files of another network.
    """
    backbone, head = published.backbone.graph, published.head.graph
    trunk = list_convolutions(backbone, backbone.output[0].name)
    branches = [list_convolutions(head, output.name) for output in head.output]
    try:
        classify, regress = (_read_branch(head, branch) for branch in branches)
        blocks = tuple(_read_blocks(backbone, trunk))
        shape = NanoTrackShape(blocks=blocks, classify=classify, regress=regress)
        network = NanoTrackNet(shape, config)
        _copy_weights(network.backbone, backbone, trunk)
        for module, branch in zip((network.classify, network.regress), branches, strict=True):
            _copy_weights(module, head, branch)
    except (KeyError, IndexError, StopIteration, ValueError, RuntimeError) as error:
        raise InputError(f"the files are not NanoTrack v2's: {error}") from error
    _copy_gates(network.backbone, gates)
    return network


def _read_blocks(graph: GraphProto, trunk: Sequence[NodeProto]) -> Iterator[BlockShape]:
    """The shapes of the backbone's blocks, from its convolutions in their order."""
    weights = _read_weights(graph)
    shapes = {node.output[0]: weights[node.input[1]].shape for node in trunk}
    made_by = {node.output[0]: node for node in graph.node}
    gated = {_find_convolution(made_by, node.input[0]) for node in find_gates(graph)}
    rest = iter(trunk[1:])
    for first in rest:
        is_expanded = shapes[first.output[0]][2] == 1
        depthwise = next(rest) if is_expanded else first
        project = next(rest)
        wide, _, kernel, _ = shapes[depthwise.output[0]]
        activation = next(node for node in graph.node if node.input[0] == first.output[0])
        attributes = {a.name: helper.get_attribute_value(a) for a in depthwise.attribute}
        yield BlockShape(
            inputs=shapes[first.output[0]][1] if is_expanded else wide,
            expanded=wide,
            outputs=shapes[project.output[0]][0],
            kernel=kernel,
            stride=attributes["strides"][0],
            has_gate=depthwise.output[0] in gated,
            is_hard=activation.op_type == "HardSwish",
        )


def _find_convolution(made_by: Mapping[str, NodeProto], name: str) -> str:
    """The output of the convolution that ``name`` is computed from, by activations alone."""
    while made_by[name].op_type != "Conv":
        name = made_by[name].input[0]
    return name


def _read_branch(graph: GraphProto, branch: Sequence[NodeProto]) -> BranchShape:
    """The shape of a branch, from its convolutions in their order."""
    weights = _read_weights(graph)
    kernel, _, attention, _, *tower, predict = (weights[node.input[1]].shape for node in branch)
    return BranchShape(
        channels=kernel[0],
        places=attention[0],
        width=predict[1],
        depth=len(tower) // 2,
        outputs=predict[0],
    )


def _copy_weights(module: nn.Module, graph: GraphProto, nodes: Sequence[NodeProto]) -> None:
    """Set a module's convolutions to those of the graph, which are in the same order."""
    weights = _read_weights(graph)
    convolutions = [part for part in module.modules() if isinstance(part, nn.Conv2d)]
    for convolution, node in zip(convolutions, nodes, strict=True):
        parameters = list(convolution.parameters())
        for parameter, name in zip(parameters, node.input[1:], strict=True):
            parameter.data.copy_(torch.from_numpy(weights[name].copy()))


def _copy_gates(backbone: nn.Module, gates: Sequence[Float32[np.ndarray, " _"]]) -> None:
    found = [part for part in backbone.modules() if isinstance(part, Gate)]
    sizes = [len(gate.factors) for gate in found]
    if sizes != [len(values) for values in gates]:
        raise InputError(f"the backbone has gates of {sizes} channels, the constants have others")
    for gate, values in zip(found, gates, strict=True):
        gate.factors.data.copy_(torch.from_numpy(values.copy())[:, None, None])


def _read_weights(graph: GraphProto) -> dict[str, np.ndarray]:
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}

"""NanoTrack's published networks, and graphs of their structure with few, random weights."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from helpers.paths import DATA
from mvot_plugin.engines import load_engine
from mvot_plugin.engines.nanotrack import NanoTrackEngine
from mvot_plugin.engines.nanotrack.config import NanoTrackConfig
from mvot_plugin.engines.nanotrack.loading import FILES, build_graphs, read_published
from mvot_plugin.engines.nanotrack.published import PublishedNetworks

__all__ = [
    "GATED",
    "PUBLISHED",
    "published_engine",
    "published_networks",
    "random_gates",
    "small_engine",
    "small_published",
    "write_published",
]

PUBLISHED = DATA / "peers" / "nanotrackv2"
"""The published files."""
CHANNELS, PLACES, WIDTH, DEPTH = 8, 64, 12, 2
GATED = (8, 24)
"""Channels of the backbone's gates."""
BLOCKS = (
    # inputs, expanded, outputs, kernel, stride, gate, activation
    (8, 8, 8, 3, 2, True, "Relu"),
    (8, 16, 8, 3, 2, False, "Relu"),
    (8, 24, CHANNELS, 5, 2, True, "HardSwish"),
    (CHANNELS, 16, CHANNELS, 5, 1, False, "HardSwish"),
)
"""After a first convolution, as in the published backbone: the last has a residual connection."""


class _Graph:
    """A graph in the making: nodes and weights, random and always the same."""

    def __init__(self, seed):
        self.random = np.random.default_rng(seed)
        self.nodes, self.weights = [], []

    def constant(self, values):
        name = f"constant_{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.asarray(values), name))
        return name

    def add(self, kind, *inputs, **attributes):
        name = f"{kind}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def draw(self, *shape, fan):
        values = self.random.normal(0, (2 / fan) ** 0.5, shape)
        return self.constant(values.astype(np.float32))

    def convolve(self, x, inputs, outputs, kernel=1, stride=1, group=1, bias=0.0, scale=1.0):
        """A convolution of values that are about ``scale``."""
        fan = inputs // group * kernel**2 * scale**2
        weight = self.draw(outputs, inputs // group, kernel, kernel, fan=fan)
        biases = [] if bias is None else [self.constant(np.full(outputs, bias, np.float32))]
        attributes = {"group": group, "kernel_shape": [kernel] * 2, "strides": [stride] * 2}
        return self.add("Conv", x, weight, *biases, pads=[kernel // 2] * 4, **attributes)

    def gate(self, x, channels):
        pooled = self.add("GlobalAveragePool", x)
        flat = self.add("Reshape", pooled, self.constant([1, channels]))
        hidden = self.add("Relu", self._dense(flat, channels, 4))
        factors = self.add("HardSigmoid", self._dense(hidden, 4, channels), alpha=1 / 6)
        shaped = self.add("Reshape", factors, self.constant([1, channels, 1, 1]))
        return self.add("Mul", x, shaped)

    def _dense(self, x, inputs, outputs):
        bias = self.constant(self.random.normal(0, 1, outputs).astype(np.float32))
        return self.add("Gemm", x, self.draw(outputs, inputs, fan=inputs), bias, transB=1)

    def finish(self, inputs, outputs):
        nodes = [helper.make_node("Identity", [x], [name]) for name, (x, _) in outputs.items()]
        shapes = {name: shape for name, (_, shape) in outputs.items()}
        graph = helper.make_graph(
            [*self.nodes, *nodes],
            "small",
            [helper.make_tensor_value_info(k, TensorProto.FLOAT, v) for k, v in inputs.items()],
            [helper.make_tensor_value_info(k, TensorProto.FLOAT, v) for k, v in shapes.items()],
            self.weights,
        )
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)


def _backbone():
    graph = _Graph(0)
    x = graph.add("HardSwish", graph.convolve("input", 3, BLOCKS[0][0], 3, 2, scale=64.0))
    for inputs, wide, outputs, kernel, stride, is_gated, activation in BLOCKS:
        start = x
        if wide != inputs:
            x = graph.add(activation, graph.convolve(x, inputs, wide))
        x = graph.convolve(x, wide, wide, kernel, stride, group=wide, bias=0.1)
        if wide == inputs:
            x = graph.gate(graph.add(activation, x), wide)
        else:
            x = graph.add(activation, graph.gate(x, wide) if is_gated else x)
        x = graph.convolve(x, wide, outputs)
        if stride == 1 and inputs == outputs:
            x = graph.add("Add", start, x)
    return graph.finish({"input": [1, 3, 255, 255]}, {"output": (x, [1, CHANNELS, 16, 16])})


def _branch(graph, outputs, bias):
    kernel = graph.convolve("input1", CHANNELS, CHANNELS)
    search = graph.convolve("input2", CHANNELS, CHANNELS)
    flat = graph.add("Reshape", kernel, graph.constant([1, CHANNELS, -1]))
    turned = graph.add("Transpose", flat, perm=[0, 2, 1])
    cells = graph.add("Reshape", search, graph.constant([1, CHANNELS, -1]))
    product = graph.add("MatMul", turned, cells)
    maps = graph.add("Reshape", product, graph.constant([1, -1, 16, 16]))
    pooled = graph.add("GlobalAveragePool", maps)
    hidden = graph.add("Relu", graph.convolve(pooled, PLACES, PLACES))
    attention = graph.add("Sigmoid", graph.convolve(hidden, PLACES, PLACES))
    x, inputs = graph.add("Mul", maps, attention), PLACES
    bounds = graph.constant(np.float32(0)), graph.constant(np.float32(6))
    for _ in range(DEPTH):
        x = graph.convolve(x, inputs, inputs, 3, group=inputs, bias=None)
        x, inputs = graph.add("Clip", graph.convolve(x, inputs, WIDTH), *bounds), WIDTH
    return graph.convolve(x, WIDTH, outputs, bias=bias, scale=8.0)


def _head():
    graph = _Graph(1)
    boxes = graph.add("Exp", _branch(graph, 4, np.log(30.0)))
    classes = _branch(graph, 2, 0.0)
    inputs = {"input1": [1, CHANNELS, 8, 8], "input2": [1, CHANNELS, 16, 16]}
    return graph.finish(
        inputs, {"output1": (classes, [1, 2, 16, 16]), "output2": (boxes, [1, 4, 16, 16])}
    )


@cache
def small_published():
    """A backbone and a head that take what the published ones take."""
    return PublishedNetworks(backbone=_backbone(), head=_head())


def random_gates(seed=2):
    """Constants for the gates of ``small_published()``."""
    random = np.random.default_rng(seed)
    return [random.uniform(0.3, 0.9, count).astype(np.float32) for count in GATED]


@cache
def _small_graphs():
    return build_graphs(small_published(), NanoTrackConfig(), random_gates(), threads=1)


def small_engine(**fields):
    """The engine of ``small_published()``, by graphs."""
    return replace(NanoTrackEngine.from_network(_small_graphs()), **fields)


def write_published(folder):
    """Write ``small_published()`` as the published files are named; returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    published = small_published()
    for name, model in zip(FILES, (published.backbone, published.head), strict=True):
        (folder / name).write_bytes(model.SerializeToString())
    return folder


@cache
def published_networks():
    """The published networks; without their files the test is skipped."""
    if not PUBLISHED.is_dir():
        pytest.skip("NanoTrack's published files are not here")
    return read_published([PUBLISHED / name for name in FILES])


@cache
def published_engine(runtime="onnx"):
    """The engine of the published networks; without their files the test is skipped."""
    published_networks()
    return load_engine("nanotrack", str(PUBLISHED), "cpu", "fp32", runtime=runtime, threads=1)

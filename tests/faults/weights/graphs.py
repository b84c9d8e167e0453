"""ONNX files as detectors and embedders: what they name, declare, answer and never end."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from faults.weights.command import WAYS, prepare_run
from helpers.faults.case import Case, Trial
from mvot_plugin.detectors.packaged import packaged_model

__all__ = ["cases"]

MUTATIONS = 30
_MEAN = helper.make_node("ReduceMean", ["images"], ["y"], axes=[2, 3], keepdims=0)


def cases(random: Random) -> Iterator[Case]:
    """Each file as detector and as embedder."""
    for way in ("detector", "embedder"):
        for name, (make, options) in _models().items():
            yield _case(f"{name} as {way}", way, partial(_write, make=make), **options)
        for number in range(MUTATIONS):
            mutate = partial(_mutate, seed=random.randrange(1 << 30))
            yield _case(f"mutation {number} as {way}", way, mutate, expect="any")


def _case(name: str, way: str, make: Callable[[Trial], Path], **options: Any) -> Case:
    prepare = prepare_run(make, WAYS[way])
    return Case(name=f"graphs: {name}", prepare=prepare, **{"expect": "refused", **options})


def _write(trial: Trial, *, make: Callable[[], ModelProto | bytes]) -> Path:
    path, made = trial.folder / "network.onnx", make()
    (trial.folder / "nan.bin").write_bytes(np.full((1, 3), np.nan, np.float32).tobytes())
    path.write_bytes(made if isinstance(made, bytes) else made.SerializeToString())
    return path


def _mutate(trial: Trial, *, seed: int) -> Path:
    """The packaged detector with some bytes of its beginning or its end changed."""
    random, model = Random(seed), packaged_model()
    content = bytearray(Path(str(model)).read_bytes())
    low, high = random.choice(((0, 3000), (-3000, -1)))
    for _ in range(random.choice((1, 4, 40))):
        content[random.randrange(low, high) % len(content)] = random.randrange(256)
    return _write(trial, make=lambda: bytes(content))


def _model(
    nodes: Sequence[NodeProto] = (_MEAN,),
    tensors: Sequence[TensorProto] = (),
    *,
    shape: Sequence[int | str] = (1, 3, 64, 64),
    kind: int = TensorProto.FLOAT,
    opset: int = 17,
    metadata: dict[str, str] | None = None,
) -> ModelProto:
    """A graph from images to y."""
    images = helper.make_tensor_value_info("images", kind, shape)
    answer = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    graph = helper.make_graph(nodes, "graph", [images], [answer], tensors)
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid("another", 1)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    helper.set_model_props(model, metadata or {})
    return model


def _add(tensor: TensorProto) -> ModelProto:
    """The means of images, and weights."""
    mean = helper.make_node("ReduceMean", ["images"], ["mean"], axes=[2, 3], keepdims=0)
    return _model([mean, helper.make_node("Add", ["mean", "weights"], ["y"])], [tensor])


def _external(location: str) -> ModelProto:
    tensor = TensorProto(name="weights", data_type=TensorProto.FLOAT, dims=[1, 3])
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=location)
    return _add(tensor)


def _huge_tensor() -> ModelProto:
    tensor = numpy_helper.from_array(np.ones((1, 3), np.float32), "weights")
    tensor.dims[0] = 10**15
    return _add(tensor)


def _nan() -> ModelProto:
    return _add(numpy_helper.from_array(np.full((1, 3), np.nan, np.float32), "weights"))


def _fill(count: int) -> ModelProto:
    """As many zeros as ``count`` says."""
    size = numpy_helper.from_array(np.array([count], np.int64), "size")
    nodes = [
        helper.make_node("ConstantOfShape", ["size"], ["zeros"]),
        helper.make_node("ReduceSum", ["zeros"], ["y"], keepdims=1),
    ]
    return _model(nodes, [size])


def _loop() -> ModelProto:
    info, kinds = helper.make_tensor_value_info, TensorProto
    same = [helper.make_node("Identity", [a], [b]) for a, b in (("go", "goes"), ("x", "next"))]
    inputs = [info("i", kinds.INT64, []), info("go", kinds.BOOL, []), info("x", kinds.FLOAT, None)]
    outputs = [info("goes", kinds.BOOL, []), info("next", kinds.FLOAT, None)]
    body = helper.make_graph(same, "body", inputs, outputs)
    tensors = [
        numpy_helper.from_array(np.array(2**62), "times"),
        numpy_helper.from_array(np.array(True), "yes"),
    ]
    return _model([helper.make_node("Loop", ["times", "yes", "images"], ["y"], body=body)], tensors)


def _chain(length: int) -> ModelProto:
    names = ["images", *(f"x{number}" for number in range(length)), "y"]
    return _model([helper.make_node("Neg", [a], [b]) for a, b in pairwise(names)])


def _cast(kind: int) -> ModelProto:
    return _model([helper.make_node("Cast", ["images"], ["y"], to=kind)])


def _unknown_operator() -> ModelProto:
    return _model([helper.make_node("Command", ["images"], ["y"], domain="another")])


Models = dict[str, tuple[Callable[[], ModelProto | bytes], dict[str, Any]]]


def _models() -> Models:
    def case(make: Callable[..., Any], *values: Any, **options: Any) -> Any:
        return partial(make, *values), options

    def described(key: str, value: str) -> Any:
        whole = partial(_model, metadata={key: value}, shape=("n", 3, "h", "w"))
        return whole, {"expect": "any"}

    def shaped(*shape: int | str) -> Any:
        return partial(_model, shape=shape), {}

    kinds = TensorProto
    return {
        "a NaN": case(_nan, quick=True),
        "weights of the system": case(_external, "/etc/passwd"),
        "weights in a folder above": case(_external, "../../../../../etc/passwd", quick=True),
        "weights that are missing": case(_external, "none.bin"),
        "a NaN beside the file": case(_external, "nan.bin"),
        "weights of no name": case(_external, ""),
        "weights of a name with a null byte": case(_external, "a\0b"),
        "weights in the file itself": case(_external, "network.onnx", expect="any"),
        "an unknown operator": case(_unknown_operator),
        "a version of the future": case(partial(_model, opset=999)),
        "a tensor of petabytes": case(_huge_tensor),
        "zeros of terabytes": case(_fill, 10**12, quick=True),
        "a negative number of zeros": case(_fill, -5),
        "a loop without end": case(_loop, seconds=100.0),
        "20,000 nodes": case(_chain, 20_000, expect="any"),
        "answers of text": case(_cast, kinds.STRING, expect="any"),
        "images of text": case(partial(_model, kind=kinds.STRING)),
        "images of flags": case(partial(_model, kind=kinds.BOOL)),
        "images of bfloat16": case(partial(_model, kind=kinds.BFLOAT16)),
        "images of 100,000 pixels a side": shaped(1, 3, 100_000, 100_000),
        "images of 2^40 pixels a side": shaped(1, 3, 2**40, 2**40),
        "images of 0 pixels": shaped(1, 3, 0, 64),
        "images of -1 pixel": (partial(_model, shape=(1, 3, -1, 64)), {"expect": "any"}),
        "100,000 images": shaped(100_000, 3, 64, 64),
        "0 images": shaped(0, 3, 64, 64),
        "a row": shaped(3),
        "images of 5,000 digits": described("imgsz", "9" * 5000),
        "images of a billion": described("imgsz", "[999999999, 999999999]"),
        "a stride of a million": described("stride", "1000000"),
        "names nested 10,000 deep": described("names", "[" * 10_000),
        "names that are code": described("names", "__import__('os').mkdir('code-ran')"),
        "a name of colours": described("task", "\n\x1b[31m"),
        "arguments nested 100,000 deep": described("args", "(" * 100_000),
        "no graph": case(bytes),
        "a text": case(lambda: b"no network\n" * 1000),
        "half a graph": case(lambda: _model().SerializeToString()[:50]),
    }

"""Export of a network's functions from torch to graphs."""

import io
import json
import warnings
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import ModelProto, TensorProto, helper, numpy_helper
from torch import Tensor, nn

from mvot_plugin.runtimes.files import DESCRIPTION
from mvot_plugin.runtimes.signature import Signature

__all__ = ["export_functions"]

OPSET = 17


def export_functions(
    module: nn.Module, folder: Path, *, kind: str, record: Mapping[str, Any]
) -> None:
    """Write each function of a network as a graph, and what the network is.

    Args:
        module: In single precision on the CPU, in evaluation mode, its batch norms as they were
            trained; its ``signatures()`` name its functions, which are methods of it, and its
            ``config`` is a dataclass.
        folder: The folder to write to; it is made where it does not exist.
        kind: The kind of network, such as "siammotion".
        record: Where the weights come from.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, signature in module.signatures().items():  # type: ignore[operator]
        model = _export(module, name, signature)
        _halve_weights(model)
        onnx.save(model, str(folder / f"{name}.onnx"))
    config: Any = module.config
    description = {"kind": kind, "config": asdict(config), "record": dict(record)}
    text = json.dumps(description, indent=1) + "\n"
    (folder / DESCRIPTION).write_text(text, encoding="utf-8")


class _Function(nn.Module):
    """A method of a module, as a module of its own."""

    def __init__(self, module: nn.Module, name: str, signature: Signature) -> None:
        super().__init__()
        self.module, self.name = module, name
        self.is_given = [shape is not None for shape in signature.inputs.values()]

    def forward(self, *arguments: Tensor) -> Any:
        """The method's results; arguments that its network does not have are None."""
        given = iter(arguments)
        return getattr(self.module, self.name)(*(next(given) if g else None for g in self.is_given))


def _export(module: nn.Module, name: str, signature: Signature) -> ModelProto:
    inputs = {n: shape for n, shape in signature.inputs.items() if shape is not None}
    examples = tuple(_example(n, shape, signature.sizes) for n, shape in inputs.items())
    shapes = {**inputs, **signature.outputs}
    axes = {
        n: {axis: side for axis, side in enumerate(shape) if isinstance(side, str)}
        for n, shape in shapes.items()
    }
    buffer = io.BytesIO()
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            _Function(module, name, signature),
            examples,
            buffer,  # type: ignore[arg-type]
            input_names=list(inputs),
            output_names=list(signature.outputs),
            dynamic_axes=axes,
            opset_version=OPSET,
            training=torch.onnx.TrainingMode.PRESERVE,  # batch norms fold when a graph loads
            dynamo=False,
        )
    return onnx.load_from_string(buffer.getvalue())


def _example(name: str, shape: tuple[int | str, ...], sizes: Mapping[str, int]) -> Tensor:
    sides = [sizes[side] if isinstance(side, str) else side for side in shape]
    generator = torch.Generator().manual_seed(0)
    if name == "images":
        return torch.randint(0, 256, sides, generator=generator, dtype=torch.uint8)
    return torch.rand(sides, generator=generator)


def _halve_weights(model: ModelProto) -> None:
    """Store weights in half precision, in place, where that changes none of their values.

    A graph converts them once, when it is loaded.
    """
    graph, casts = model.graph, []
    for tensor in graph.initializer:
        if tensor.data_type != TensorProto.FLOAT:
            continue
        values = numpy_helper.to_array(tensor)
        with np.errstate(over="ignore"):
            halved = values.astype(np.float16)
        if not np.array_equal(halved.astype(np.float32), values):
            continue
        name, stored = tensor.name, f"{tensor.name}_half"
        tensor.CopyFrom(numpy_helper.from_array(halved, stored))
        casts.append(helper.make_node("Cast", [stored], [name], to=TensorProto.FLOAT))
    for node in reversed(casts):
        graph.node.insert(0, node)

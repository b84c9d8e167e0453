"""Trained weights to start from, of the same network or of a narrower one."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from mvot_plugin.errors import InputError
from mvot_plugin.models.siammotion import SiamMotionNet
from mvot_plugin.weights import read_weights

__all__ = ["load_fitting_weights", "widen_tensors"]


def load_fitting_weights(network: SiamMotionNet, path: Path) -> None:
    """Load those tensors of a weights file that have a new network's names and shapes.

    Those of a network that is several times narrower are widened, which does not change what it
    computes. Raises ``InputError`` if the backbone is not among them.
    """
    config, tensors = read_weights(path, "siammotion")
    own = network.state_dict()
    times = network.config.width // int(config.get("width", network.config.width)) or 1
    fitting = widen_tensors(tensors, {k: v.shape for k, v in own.items()}, times)
    missing = [name for name in own if name.startswith("backbone.") and name not in fitting]
    if missing:
        raise InputError(f"{path}: has no {missing[0]} for this network; start from its own kind")
    network.load_state_dict({**own, **fitting})


def widen_tensors(
    tensors: Mapping[str, Tensor], shapes: Mapping[str, Sequence[int]], times: int
) -> dict[str, Tensor]:
    """The tensors that fit these shapes, once each channel is repeated ``times`` times.

    A layer's outputs are repeated (Net2Net, Chen et al., 2016). As its inputs were too, their
    weights are split into random parts: the sum is the same, but equal channels can learn to
    differ. A softmax over channels, and a mean, are as before. Tensors that have their shape
    already stay as they are.
    """
    generator = torch.Generator().manual_seed(0)
    fitting = {}
    for name, tensor in tensors.items():
        if name not in shapes:
            continue
        shape = tuple(shapes[name])
        sizes = zip(tensor.shape[:2], shape, strict=False)
        widened = [axis for axis, (size, new) in enumerate(sizes) if size != new == size * times]
        if 0 in widened:
            tensor = tensor.repeat_interleave(times, 0)
        if 1 in widened:
            tensor = _split_inputs(tensor, times, generator)
        if tensor.shape == shape:
            fitting[name] = tensor
    return fitting


def _split_inputs(weights: Tensor, times: int, generator: torch.Generator) -> Tensor:
    """Split the weights (O, I, ...) of each input into random parts: (O, I * times, ...)."""
    parts = (weights / times).unsqueeze(2).repeat_interleave(times, 2)
    noise = torch.randn(parts.shape, generator=generator)
    noise -= noise.mean(2, keepdim=True)
    return (parts + weights.std() / times * noise).flatten(1, 2)

"""A wider network that does what a narrower one does (Net2Net, Chen et al., 2016)."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

__all__ = ["widened"]


def widened(
    tensors: Mapping[str, Tensor], shapes: Mapping[str, Sequence[int]], times: int
) -> dict[str, Tensor]:
    """Those of a network's tensors that fit these shapes when its channels come ``times`` each.

    A layer's outputs are repeated. As its inputs were too, their weights are split into so many
    random parts: the sum stays, and equal channels learn to differ. A softmax over channels, and a
    mean, are as before. Tensors that have their shape already stay as they are.
    """
    generator = torch.Generator().manual_seed(0)
    found = {}
    for name, tensor in tensors.items():
        if name not in shapes:
            continue
        wanted = tuple(shapes[name])
        sizes = zip(tensor.shape[:2], wanted, strict=False)
        grown = [axis for axis, (size, more) in enumerate(sizes) if size != more == size * times]
        if 0 in grown:
            tensor = tensor.repeat_interleave(times, 0)
        if 1 in grown:
            tensor = _split(tensor, times, generator)
        if tensor.shape == wanted:
            found[name] = tensor
    return found


def _split(weights: Tensor, times: int, generator: torch.Generator) -> Tensor:
    """Parts of weights (O, I, ...), side by side: (O, I * times, ...)."""
    parts = (weights / times).unsqueeze(2).repeat_interleave(times, 2)
    noise = torch.randn(parts.shape, generator=generator)
    noise -= noise.mean(2, keepdim=True)
    return (parts + weights.std() / times * noise).flatten(1, 2)

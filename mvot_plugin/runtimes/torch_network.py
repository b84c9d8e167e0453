"""A network as a torch module, on any device, prepared for tracking."""

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Float32, Int64
from torch import Tensor, nn

from mvot_plugin.models.folding import fold_batch_norm, fuse_activations
from mvot_plugin.ops.geometry import FIRST_CELL
from mvot_plugin.ops.tensors.roi import FeatureTable, roi_crop
from mvot_plugin.types import XYXY

__all__ = ["TorchNetwork", "prepare"]

_CACHES = "ONEDNN_PRIMITIVE_CACHE_CAPACITY", "LRU_CACHE_CAPACITY"
"""oneDNN, and torch before it, keep code and memory of each layer and shape that they have run: by
default of 1024, which is hundreds of MB, as shapes change with the targets."""
_CACHED = "256"


class TorchNetwork:
    """A ``Network`` whose functions are methods of a module, and whose values are tensors.

    Args:
        module: The module, with a ``config``, in the precision and on the device to run in.

    Attributes:
        config: The settings of the network.
    """

    config: Any

    def __init__(self, module: nn.Module) -> None:
        self.module = module
        self.config = module.config
        weight = next(module.parameters())
        self.device, self.dtype = weight.device, weight.dtype

    def run(self, function: str, *arrays: np.ndarray | Tensor | None) -> tuple[Tensor, ...]:
        """The results of a function."""
        tensors = [self._to_tensor(array) for array in arrays]
        with torch.inference_mode():
            results = getattr(self.module, function)(*tensors)
        return results if isinstance(results, tuple) else (results,)

    @property
    def workers(self) -> int:
        """One: torch divides each batch among its threads."""
        return 1

    def map(
        self, function: str, batches: Sequence[Sequence[np.ndarray | Tensor | None]]
    ) -> list[tuple[Tensor, ...]]:
        """The results of a function for each batch."""
        return [self.run(function, *arrays) for arrays in batches]

    def crop(
        self,
        maps: Sequence[Float[Tensor, "_ _ c"]],
        squares: Float32[XYXY, " n"],
        which: Int64[np.ndarray, " n"],
        bins: int,
        stride: int,
    ) -> Float[Tensor, "n bins bins c"]:
        """N squares of the maps."""
        channels_first = [cells.permute(2, 0, 1) for cells in maps]
        count = len(maps)
        with torch.inference_mode():
            table = FeatureTable.from_maps(channels_first, [stride] * count, [FIRST_CELL] * count)
            areas = torch.as_tensor(squares, device=self.device)
            return roi_crop(table, areas, torch.as_tensor(which, device=self.device), bins)

    def to_numpy(self, values: Tensor) -> np.ndarray:
        """A tensor as an array."""
        values = values.float() if values.is_floating_point() else values
        return np.asarray(values.cpu().numpy())

    def _to_tensor(self, array: np.ndarray | Tensor | None) -> Tensor | None:
        if array is None or isinstance(array, Tensor):
            return array
        return torch.from_numpy(np.ascontiguousarray(array)).to(self.device)


def prepare(network: nn.Module, device: torch.device, dtype: torch.dtype) -> None:
    """Prepare a network for tracking, in place: fold and fuse its layers, store channels last.

    Inertia stays on the CPU in single precision: it needs a few boxes of history, not the frame.
    Where no layer has run on the CPU before, what is kept of layers is bounded for the process,
    unless the environment says how much it is.
    """
    for name in _CACHES:
        os.environ.setdefault(name, _CACHED)
    network.eval().requires_grad_(False)
    fold_batch_norm(network)
    owners = [part for part in network.modules() if getattr(part, "inertia", None) is not None]
    inertia = [(owner, owner.get_submodule("inertia")) for owner in owners]
    for owner in owners:
        owner.register_module("inertia", None)
    network.to(device=device, dtype=dtype)
    network.to(memory_format=torch.channels_last)
    if device.type == "cpu":
        fuse_activations(network)
    for owner, part in inertia:
        owner.register_module("inertia", part)

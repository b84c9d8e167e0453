"""Pairwise cross-correlation: N exemplars, each with its own search area, in one call."""

from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

__all__ = ["pairwise_depthwise_xcorr", "pairwise_xcorr", "pairwise_zncc"]


def pairwise_xcorr(
    search: Float[Tensor, "n hs ws c"], exemplars: Float[Tensor, "n he we c o"]
) -> Float[Tensor, "n ho wo o"]:
    """Score maps of N search areas under N exemplars with o outputs each (SiamMT Alg. 1).

    The maps are (hs - he + 1) x (ws - we + 1). On a GPU one grouped convolution, each target a
    group; on a CPU one batched matrix product of all cells of the areas with all cells of the
    exemplars, and a sum along its diagonals, which measures 15 times as fast in half precision.
    """
    n, hs, ws, c = search.shape
    he, we, o = exemplars.shape[1], exemplars.shape[2], exemplars.shape[4]
    if n == 0:
        return search.new_zeros(0, hs - he + 1, ws - we + 1, o)
    if search.device.type == "cpu":
        return _cell_by_cell(search, exemplars)
    stacked = search.permute(0, 3, 1, 2).reshape(1, n * c, hs, ws)
    filters = exemplars.permute(0, 4, 3, 1, 2).reshape(n * o, c, he, we)
    scores = F.conv2d(stacked, filters, groups=n)
    return scores.view(n, o, hs - he + 1, ws - we + 1).permute(0, 2, 3, 1)


def pairwise_zncc(
    search: Float[Tensor, "n hs ws c"], exemplars: Float[Tensor, "n he we c"]
) -> Float[Tensor, "n ho wo"]:
    """Zero-mean normalised cross-correlation: how alike, from -1 to 1, whatever the contrast.

    Exemplars, and what lies under them, are taken without their channels' means, and of length 1.
    In single precision.
    """
    he, we = exemplars.shape[1:3]
    search, exemplars = search.float(), exemplars.float()
    exemplars = exemplars - exemplars.mean((1, 2), keepdim=True)
    products = pairwise_xcorr(search, exemplars[..., None])[..., 0]
    squares = _box_sums(search.square().sum(3, keepdim=True), he, we)[..., 0]
    means = _box_sums(search, he, we).square().sum(3) / (he * we)
    power = (squares - means).clamp(min=0)
    length = exemplars.square().sum((1, 2, 3))[:, None, None]
    similarity: Tensor = products / (power * length + 1e-6).sqrt()
    return similarity


def _box_sums(
    cells: Float[Tensor, "n h w c"], rows: int, columns: int
) -> Float[Tensor, "n ho wo c"]:
    """Sums over all boxes of so many rows and columns; many times as fast as pooling on a CPU."""
    height, width = cells.shape[1] - rows + 1, cells.shape[2] - columns + 1
    below = cells[:, :height].clone()
    for i in range(1, rows):
        below += cells[:, i : i + height]
    sums = below[:, :, :width].clone()
    for i in range(1, columns):
        sums += below[:, :, i : i + width]
    return sums


def _cell_by_cell(
    search: Float[Tensor, "n hs ws c"], exemplars: Float[Tensor, "n he we c o"]
) -> Float[Tensor, "n ho wo o"]:
    """Every cell of a search area with every cell of its exemplar, summed where these lie on it."""
    n, hs, ws, c = search.shape
    he, we, o = exemplars.shape[1], exemplars.shape[2], exemplars.shape[4]
    filters = exemplars.permute(0, 3, 1, 2, 4).reshape(n, c, he * we * o)
    products = torch.bmm(search.reshape(n, hs * ws, c), filters).view(n, hs, ws, he, we, o)
    each, y, x, dy, dx, output = products.stride()
    places = (n, hs - he + 1, ws - we + 1, he, we, o)
    summands = products.as_strided(places, (each, y, x, dy + y, dx + x, output))
    return summands.sum((3, 4), dtype=torch.float32).to(search.dtype)


def pairwise_depthwise_xcorr(
    search: Float[Tensor, "n hs ws c"], exemplars: Float[Tensor, "n he we c"]
) -> Float[Tensor, "n ho wo c"]:
    """Each channel of N search areas under the same channel of its exemplar (SiamMOTION Fig. 6).

    On a GPU one convolution of N * C groups; on a CPU one a target, forward and backward, which
    needs no copy into another layout and measures many times faster.
    """
    if search.device.type == "cpu" and len(search):
        scores: Tensor = _TargetByTarget.apply(search, exemplars)
        return scores
    n, hs, ws, c = search.shape
    he, we = exemplars.shape[1:3]
    if n == 0:
        return search.new_zeros(0, hs - he + 1, ws - we + 1, c)
    stacked = search.permute(0, 3, 1, 2).reshape(1, n * c, hs, ws)
    filters = exemplars.permute(0, 3, 1, 2).reshape(n * c, 1, he, we)
    scores = F.conv2d(stacked, filters, groups=n * c)
    return scores.view(n, c, hs - he + 1, ws - we + 1).permute(0, 2, 3, 1)


class _TargetByTarget(torch.autograd.Function):
    """A depthwise convolution for each target; so are its gradients."""

    @staticmethod
    def forward(ctx: Any, search: Tensor, exemplars: Tensor) -> Tensor:
        ctx.save_for_backward(search, exemplars)
        return _correlated(search, exemplars)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor]:
        search, exemplars = ctx.saved_tensors
        he, we = exemplars.shape[1:3]
        padded = F.pad(grad, (0, 0, we - 1, we - 1, he - 1, he - 1))
        return _correlated(padded, exemplars.flip(1, 2)), _correlated(search, grad)


def _correlated(
    search: Float[Tensor, "n hs ws c"], filters: Float[Tensor, "n hf wf c"]
) -> Float[Tensor, "n ho wo c"]:
    areas, kernels = search.permute(0, 3, 1, 2), filters.permute(0, 3, 1, 2)[:, :, None]
    channels = search.shape[3]
    scores = [F.conv2d(areas[i : i + 1], kernels[i], groups=channels) for i in range(len(areas))]
    return torch.cat(scores).permute(0, 2, 3, 1)

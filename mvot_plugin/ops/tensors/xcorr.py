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

    The maps are (hs - he + 1) x (ws - we + 1). On a GPU this is one grouped convolution, each
    target a group; on a CPU one batched matrix product of all cells of the areas with all cells of
    the exemplars and a sum along its diagonals, which is 15 times as fast in half precision.
    """
    n, hs, ws, c = search.shape
    he, we, o = exemplars.shape[1], exemplars.shape[2], exemplars.shape[4]
    if n == 0:
        return search.new_zeros(0, hs - he + 1, ws - we + 1, o)
    if torch.onnx.is_in_onnx_export():
        return _xcorr_by_shifts(search, exemplars)
    if search.device.type == "cpu":
        return _xcorr_by_matmul(search, exemplars)
    stacked = search.permute(0, 3, 1, 2).reshape(1, n * c, hs, ws)
    filters = exemplars.permute(0, 4, 3, 1, 2).reshape(n * o, c, he, we)
    scores = F.conv2d(stacked, filters, groups=n)
    return scores.view(n, o, hs - he + 1, ws - we + 1).permute(0, 2, 3, 1)


def pairwise_zncc(
    search: Float[Tensor, "n hs ws c"], exemplars: Float[Tensor, "n he we c"]
) -> Float[Tensor, "n ho wo"]:
    """Zero-mean normalised cross-correlation: similarity from -1 to 1, independent of contrast.

    From exemplars, and from the parts of search areas under them, the means of the channels are
    subtracted, and they are scaled to length 1. Computed in single precision.
    """
    he, we = (int(side) for side in exemplars.shape[1:3])
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
    """Sums over all boxes of ``rows`` x ``columns`` cells; much faster than pooling on a CPU."""
    height, width = int(cells.shape[1]) - rows + 1, int(cells.shape[2]) - columns + 1
    vertical = cells[:, :height].clone()
    for i in range(1, rows):
        vertical += cells[:, i : i + height]
    sums = vertical[:, :, :width].clone()
    for i in range(1, columns):
        sums += vertical[:, :, i : i + width]
    return sums


def _xcorr_by_matmul(
    search: Float[Tensor, "n hs ws c"], exemplars: Float[Tensor, "n he we c o"]
) -> Float[Tensor, "n ho wo o"]:
    """Products of all cells of a search area with all of its exemplar, summed for each offset."""
    n, hs, ws, c = search.shape
    he, we, o = exemplars.shape[1], exemplars.shape[2], exemplars.shape[4]
    filters = exemplars.permute(0, 3, 1, 2, 4).reshape(n, c, he * we * o)
    products = torch.bmm(search.reshape(n, hs * ws, c), filters).view(n, hs, ws, he, we, o)
    target, y, x, dy, dx, output = products.stride()
    shape = (n, hs - he + 1, ws - we + 1, he, we, o)
    summands = products.as_strided(shape, (target, y, x, dy + y, dx + x, output))
    return summands.sum((3, 4), dtype=torch.float32).to(search.dtype)


def _xcorr_by_shifts(
    search: Float[Tensor, "n hs ws c"], exemplars: Float[Tensor, "n he we c o"]
) -> Float[Tensor, "n ho wo o"]:
    """The same products, which are summed a row and then a column of the exemplar at a time.

    Graphs have no strides.
    """
    hs, ws, c = (int(side) for side in search.shape[1:])
    he, we, _, o = (int(side) for side in exemplars.shape[1:])
    height, width = hs - he + 1, ws - we + 1
    filters = exemplars.permute(0, 4, 1, 2, 3).reshape(-1, o * he * we, c)
    products = filters @ search.reshape(-1, hs * ws, c).transpose(1, 2)
    products = products.view(-1, o, he, we, hs, ws)
    rows = [products[:, :, y, :, y : y + height] for y in range(he)]
    summed = torch.stack(rows).sum(0)
    columns = [summed[:, :, x, :, x : x + width] for x in range(we)]
    return torch.stack(columns).sum(0).permute(0, 2, 3, 1)


def pairwise_depthwise_xcorr(
    search: Float[Tensor, "n hs ws c"], exemplars: Float[Tensor, "n he we c"]
) -> Float[Tensor, "n ho wo c"]:
    """Correlation of N search areas with their exemplars, channel by channel (SiamMOTION Fig. 6).

    On a GPU this is one convolution of N * C groups; on a CPU one for each target, forward and
    backward, which needs no copy into another layout and is many times as fast.
    """
    if torch.onnx.is_in_onnx_export():
        return _depthwise_xcorr_by_taps(search, exemplars)
    if search.device.type == "cpu" and len(search):
        scores: Tensor = _DepthwiseXcorrFunction.apply(search, exemplars)
        return scores
    n, hs, ws, c = search.shape
    he, we = exemplars.shape[1:3]
    if n == 0:
        return search.new_zeros(0, hs - he + 1, ws - we + 1, c)
    stacked = search.permute(0, 3, 1, 2).reshape(1, n * c, hs, ws)
    filters = exemplars.permute(0, 3, 1, 2).reshape(n * c, 1, he, we)
    scores = F.conv2d(stacked, filters, groups=n * c)
    return scores.view(n, c, hs - he + 1, ws - we + 1).permute(0, 2, 3, 1)


def _depthwise_xcorr_by_taps(
    search: Float[Tensor, "n hs ws c"], exemplars: Float[Tensor, "n he we c"]
) -> Float[Tensor, "n ho wo c"]:
    """The sum over an exemplar's cells; a graph's convolutions have a fixed number of groups."""
    he, we = exemplars.shape[1:3]
    height, width = search.shape[1] - he + 1, search.shape[2] - we + 1
    scores = None
    for y in range(int(he)):
        for x in range(int(we)):
            area = search[:, y : y + height, x : x + width]
            product = area * exemplars[:, y : y + 1, x : x + 1]
            scores = product if scores is None else scores + product
    assert scores is not None
    return scores


class _DepthwiseXcorrFunction(torch.autograd.Function):
    """One depthwise convolution for each target; its gradients are such convolutions, too."""

    @staticmethod
    def forward(ctx: Any, search: Tensor, exemplars: Tensor) -> Tensor:
        ctx.save_for_backward(search, exemplars)
        return _depthwise_xcorr(search, exemplars)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor]:
        search, exemplars = ctx.saved_tensors
        he, we = exemplars.shape[1:3]
        padded = F.pad(grad, (0, 0, we - 1, we - 1, he - 1, he - 1))
        return _depthwise_xcorr(padded, exemplars.flip(1, 2)), _depthwise_xcorr(search, grad)


def _depthwise_xcorr(
    search: Float[Tensor, "n hs ws c"], filters: Float[Tensor, "n hf wf c"]
) -> Float[Tensor, "n ho wo c"]:
    areas, kernels = search.permute(0, 3, 1, 2), filters.permute(0, 3, 1, 2)[:, :, None]
    channels = search.shape[3]
    scores = [F.conv2d(areas[i : i + 1], kernels[i], groups=channels) for i in range(len(areas))]
    return torch.cat(scores).permute(0, 2, 3, 1)

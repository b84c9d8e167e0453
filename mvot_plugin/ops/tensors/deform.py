"""Deformable convolution (Dai et al., 2017) of 3 x 3 kernels, as samples and a convolution of them.

It computes what ``torchvision.ops.deform_conv2d`` does, on CPUs in less time, its gradients, too;
and it can be exported.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

__all__ = ["deformable_convolution"]

TAPS = 3
"""Rows and columns of a kernel."""


def deformable_convolution(
    maps: Float[Tensor, "n c h w"],
    offsets: Float[Tensor, "n o h w"],
    weight: Float[Tensor, "d c 3 3"],
    bias: Float[Tensor, " d"],
) -> Float[Tensor, "n d h w"]:
    """Convolve maps, padded by one 0, with kernels whose taps are shifted at each cell.

    Args:
        maps: N maps of C channels.
        offsets: For each of the nine taps, row by row, its shift down and to the right, in cells.
        weight: The kernels.
        bias: What is added to each of the D channels.

    Returns:
        The convolved maps.
    """
    count, _, height, width = maps.shape
    shifts = offsets.view(count, TAPS, TAPS, 2, height, width)
    taps = torch.arange(TAPS, device=maps.device) - TAPS // 2
    rows = torch.arange(height, device=maps.device)[:, None] + taps.view(TAPS, 1, 1, 1)
    columns = torch.arange(width, device=maps.device) + taps.view(1, TAPS, 1, 1)
    y = (2 * (shifts[:, :, :, 0] + rows) + 1) / height - 1
    x = (2 * (shifts[:, :, :, 1] + columns) + 1) / width - 1
    grid = torch.stack([x, y], dim=-1).permute(0, 3, 1, 4, 2, 5)
    grid = grid.reshape(count, TAPS * height, TAPS * width, 2)
    samples = F.grid_sample(maps, grid, align_corners=False)
    return F.conv2d(samples, weight, bias, stride=TAPS)

"""What features must tell beside where the target is: a teacher's features at the same places."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from mvot_plugin.models.backbones import STRIDES
from mvot_plugin.models.siammotion import FIRST_CELL
from mvot_plugin.ops.fields import Field
from mvot_plugin.ops.pixels import normalised
from mvot_plugin.ops.roi import Cells, roi_crop

__all__ = ["Retelling", "beside", "padded"]

TOLD = STRIDES[2:]
"""The strides of the teacher's maps that are to be told."""


class Retelling(nn.Module):
    """Linear layers that make features a teacher's, whose channels are normalised to variance 1."""

    def __init__(self, width: int, channels: Sequence[int]) -> None:
        super().__init__()
        self.adapters = nn.ModuleList(nn.Linear(width, theirs) for theirs in channels)
        self.norms = nn.ModuleList(nn.BatchNorm1d(theirs, affine=False) for theirs in channels)

    def forward(
        self, features: Float[Tensor, "n h w c"], theirs: Sequence[Float[Tensor, "n h w _"]]
    ) -> Float[Tensor, ""]:
        """How far they are off: the smooth L1 distance, and 1 - the cosine at each place."""
        found = []
        for adapter, norm, wanted in zip(self.adapters, self.norms, theirs, strict=True):
            near, goal = adapter(features).float().flatten(0, 2), norm(wanted.float().flatten(0, 2))
            turned = 1 - F.cosine_similarity(near, goal, dim=1).mean()
            found.append(F.smooth_l1_loss(near, goal) + turned)
        return torch.stack(found).mean()


def beside(
    maps: Sequence[Float[Tensor, "n _ _ _"]], field: Field, cells: int
) -> list[Float[Tensor, "n cells cells _"]]:
    """A padded network's maps of strides 8 and 16 of images, where an unpadded one has its cells.

    These are ``cells`` x ``cells`` of ``field``, from the images' corner on.
    """
    begin = (field.receptive - field.stride) / 2
    end = begin + cells * field.stride
    sampled = []
    for part, stride in zip(maps, TOLD, strict=True):
        count = len(part)
        table = Cells.dense(list(part), [stride] * count, [FIRST_CELL] * count)
        areas = torch.tensor([[begin, begin, end, end]], device=part.device).expand(count, 4)
        rows = torch.arange(count, device=part.device)
        sampled.append(roi_crop(table, areas, rows, cells))
    return sampled


def padded(images: UInt8[Tensor, "n s s 3"]) -> Float[Tensor, "n 3 t t"]:
    """Normalised images whose sides are multiples of 32, as a teacher takes them."""
    spare = -images.shape[1] % 32
    pixels = F.pad(normalised(images), (0, spare, 0, spare))
    return pixels.contiguous(memory_format=torch.channels_last)

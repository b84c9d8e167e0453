"""Feature distillation: SiamFC's features are also trained to predict a teacher's."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from mvot_plugin.models.backbones import STRIDES
from mvot_plugin.models.backbones.receptive_field import ReceptiveField
from mvot_plugin.ops.geometry import FIRST_CELL
from mvot_plugin.ops.tensors.normalization import normalize_images
from mvot_plugin.ops.tensors.roi import FeatureTable, roi_crop

__all__ = ["FeatureDistillation", "sample_teacher_maps", "pad_images"]

DISTILLED_STRIDES = STRIDES[2:]
"""The strides of the teacher's maps that are distilled."""


class FeatureDistillation(nn.Module):
    """Linear layers from features to a teacher's, whose channels are normalised to variance 1."""

    def __init__(self, width: int, channels: Sequence[int]) -> None:
        super().__init__()
        self.adapters = nn.ModuleList(nn.Linear(width, n) for n in channels)
        self.norms = nn.ModuleList(nn.BatchNorm1d(n, affine=False) for n in channels)

    def forward(
        self, features: Float[Tensor, "n h w c"], teacher_maps: Sequence[Float[Tensor, "n h w _"]]
    ) -> Float[Tensor, ""]:
        """The distillation loss: the smooth L1 distance, and 1 - the cosine at each position."""
        losses = []
        for adapter, norm, teacher_map in zip(self.adapters, self.norms, teacher_maps, strict=True):
            adapted = adapter(features).float().flatten(0, 2)
            target = norm(teacher_map.float().flatten(0, 2))
            cosine = 1 - F.cosine_similarity(adapted, target, dim=1).mean()
            losses.append(F.smooth_l1_loss(adapted, target) + cosine)
        return torch.stack(losses).mean()


def sample_teacher_maps(
    maps: Sequence[Float[Tensor, "n _ _ _"]], field: ReceptiveField, cells: int
) -> list[Float[Tensor, "n cells cells _"]]:
    """Sample a padded network's maps of strides 8 and 16 where an unpadded network has its cells.

    These are ``cells`` x ``cells`` of the receptive ``field``, from the images' corner on.
    """
    begin = (field.size - field.stride) / 2
    end = begin + cells * field.stride
    sampled = []
    for features, stride in zip(maps, DISTILLED_STRIDES, strict=True):
        count = len(features)
        table = FeatureTable.from_maps(list(features), [stride] * count, [FIRST_CELL] * count)
        areas = torch.tensor([[begin, begin, end, end]], device=features.device).expand(count, 4)
        rows = torch.arange(count, device=features.device)
        sampled.append(roi_crop(table, areas, rows, cells))
    return sampled


def pad_images(images: UInt8[Tensor, "n s s 3"]) -> Float[Tensor, "n 3 t t"]:
    """Normalise images and pad their sides to multiples of 32, as a teacher takes them."""
    padding = -images.shape[1] % 32
    pixels = F.pad(normalize_images(images), (0, padding, 0, padding))
    return pixels.contiguous(memory_format=torch.channels_last)

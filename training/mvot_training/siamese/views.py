"""What the networks see of a batch of pairs, as engines see frames."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Float32, UInt8
from torch import Tensor

from mvot_plugin.models.siamese.config import STRIDE
from mvot_plugin.ops.geometry import FIRST_CELL
from mvot_plugin.ops.tensors.normalization import normalize_images
from mvot_plugin.types import XYXY
from mvot_training.pairs.augmentation import Jitter
from mvot_training.pairs.batches import PairBatch, PairGeometry

__all__ = ["GEOMETRIES", "Maps", "View", "crop_features", "resize_images", "view_batch"]

AREA = 256.0
"""Pixels along a search area of SiamFC in the images of pairs."""
JITTER = Jitter(shift=0.2, scale=0.18, aspect=0.09)
GEOMETRIES = (
    PairGeometry(search_size=224, exemplar_size=224, min_side=AREA, max_side=AREA, jitter=JITTER),
    PairGeometry(search_size=288, exemplar_size=288, min_side=AREA, max_side=AREA, jitter=JITTER),
)
"""The sizes of exemplar and search images."""
REGION_ZOOM, REGION_JITTER, REGION_MARGINS = 1.5, 0.6, (8, 40)
"""Of SiamMOT, whose search areas are twice the box: how many times the others' zoom it sees, the
share of the jitter, with which targets still lie in its search areas, and the pixels that it does
not need at each edge of exemplar and search images."""
SHIFT = 0.15
"""How far further search areas of a pair are shifted at random, in sides of the box, at most."""
COARSEST_STRIDE = 16
"""What the sides of images that a backbone sees are multiples of."""

Maps: TypeAlias = tuple[Tensor, list[Tensor]]
"""The features of stride 4, and those of the levels of stride 8."""


@dataclass(frozen=True, kw_only=True, eq=False)
class View:
    """What networks see of a batch."""

    maps: list[Maps]
    """Of the exemplars, and of the search images."""
    zooms: list[float]
    """How many times these were enlarged."""
    margins: tuple[int, int]
    """Pixels of these that were left out at each edge."""
    priors: Float32[XYXY, " n"]
    """The boxes that search areas are placed about; those of a pair follow one another."""
    draws: int = 1
    """How many there are of each pair."""

    def draw(self, batch: PairBatch, count: int, seed: Sequence[int]) -> "View":
        """The same with ``count`` search areas of each pair.

        The others lie between the first one and the object, and a little beside.
        """
        if count == 1:
            return self
        rng = np.random.default_rng(seed)
        boxes, priors = (np.repeat(part, count, axis=0) for part in (batch.boxes, self.priors))
        nearness = rng.uniform(0, 1, (len(boxes), 1))
        beside = rng.uniform(-SHIFT, SHIFT, (len(boxes), 2)) * (boxes[:, 2:] - boxes[:, :2])
        drawn = priors + nearness * (boxes - priors) + np.tile(beside, 2)
        drawn[::count] = self.priors
        return replace(self, priors=drawn.astype(np.float32), draws=count)


def view_batch(
    compute: Callable[[UInt8[np.ndarray, "n h w 3"], int], Maps],
    batch: PairBatch,
    zoom: float,
    *,
    is_region: bool,
) -> View:
    """What networks see of a batch.

    Args:
        compute: Maps images, and the side that they are reduced to, to features.
        batch: The pairs.
        zoom: How many times the images are enlarged.
        is_region: Whether it is for SiamMOT's search areas.
    """
    margins, jitter = (0, 0), 1.0
    if is_region:
        zoom, margins, jitter = zoom * REGION_ZOOM, REGION_MARGINS, REGION_JITTER
    maps, zooms = [], []
    for images, margin in zip((batch.exemplars, batch.searches), margins, strict=True):
        last = images.shape[1] - margin
        inner = images[:, margin:last, margin:last]
        side = round(inner.shape[1] * zoom)
        maps.append(compute(inner, side))
        zooms.append(side / inner.shape[1])
    priors = batch.boxes + np.float32(jitter) * (batch.priors - batch.boxes)
    return View(maps=maps, zooms=zooms, margins=margins, priors=priors)


def resize_images(
    images: UInt8[np.ndarray, "n h w 3"], side: int, device: torch.device
) -> Float[Tensor, "n 3 s s"]:
    """Normalised images of ``side`` pixels, padded to a multiple of the coarsest stride."""
    pixels = normalize_images(torch.as_tensor(images, device=device))
    reduced = F.interpolate(pixels, (side, side), mode="bilinear")
    beyond = -side % COARSEST_STRIDE
    return F.pad(reduced, (0, beyond, 0, beyond)).contiguous(memory_format=torch.channels_last)


def crop_features(
    maps: Float[Tensor, "n h w c"], areas: Float32[XYXY, " n"], bins: int
) -> Float[Tensor, "n bins bins c"]:
    """An area of each map, as engines crop them; bins beyond a map are the nearest cell."""
    edges = torch.as_tensor(areas, device=maps.device)[:, :, None]
    middles = (torch.arange(bins, device=maps.device) + 0.5) / bins
    line = edges[:, :2] + (edges[:, 2:] - edges[:, :2]) * middles
    extent = torch.tensor([maps.shape[2], maps.shape[1]], device=maps.device)[:, None]
    place = (2 * (line - FIRST_CELL) / STRIDE + 1) / extent - 1
    x, y = place[:, 0, None, :].expand(-1, bins, -1), place[:, 1, :, None].expand(-1, -1, bins)
    grid = torch.stack([x, y], dim=-1)
    crops = F.grid_sample(
        maps.permute(0, 3, 1, 2), grid, padding_mode="border", align_corners=False
    )
    return crops.permute(0, 2, 3, 1)

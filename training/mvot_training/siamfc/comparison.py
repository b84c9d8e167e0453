"""Score maps and similarities of a batch of pairs, by SiamFC's network or by SiamMT's."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Float32, UInt8
from torch import Tensor

from mvot_plugin.models.siamfc.config import GEOMETRY
from mvot_plugin.models.siamfc.network import SiamFCNet
from mvot_plugin.ops.areas import scale_areas
from mvot_plugin.ops.tensors.anchors import anchor_boxes
from mvot_plugin.ops.tensors.boxes import TensorCXCYWH
from mvot_plugin.ops.tensors.roi import FeatureTable, roi_crop
from mvot_plugin.types import XYXY
from mvot_training.losses import to_canonical_pixels
from mvot_training.pairs.batches import PairBatch

__all__ = ["PairComparison", "compare_frames", "compare_images", "score_map_positions"]


@dataclass(frozen=True, kw_only=True, eq=False)
class PairComparison:
    """What a network computes from N pairs."""

    log_odds: Float[Tensor, "n h w"]
    """Score maps, as log odds of the target at each position."""
    ground_truth: Float[TensorCXCYWH, " n"]
    """Relative to the middle of the search areas, in pixels of SiamFC's search
    image, whichever network it is."""
    features: Float[Tensor, "n hs ws c"]
    """Features of the search areas."""
    similarity: Float[Tensor, "n s"]
    """Similarity of the exemplars to windows of S sizes about the target."""
    growth: Float[Tensor, "n s"]
    """Logarithm of the target's size relative to the size that each window fits."""


def compare_images(network: SiamFCNet, batch: PairBatch) -> PairComparison:
    """Compare the pairs of a batch as SiamFC does: their areas are images."""
    exemplars, search = (_features(network, i) for i in (batch.exemplars, batch.searches))
    side = network.config.search_cells * GEOMETRY.stride
    margin = (batch.searches.shape[1] - side) / 2
    areas = np.array([margin, margin, margin + side, margin + side], np.float32)
    none = torch.zeros(len(search), 0, device=search.device)
    return PairComparison(
        log_odds=network.compare(search, exemplars)[:, 0],
        ground_truth=_locate(network, batch, areas[None].repeat(len(search), 0)),
        features=search,
        similarity=none,
        growth=none,
    )


def compare_frames(
    network: SiamFCNet, batch: PairBatch, sizes: Sequence[float] = ()
) -> PairComparison:
    """Compare the pairs of a batch as SiamMT does, also at ``sizes`` relative to the priors'."""
    config = network.config
    areas = config.cell_areas(batch.exemplar_boxes, config.exemplar_cells)
    table = _build_table(_features(network, batch.exemplars))
    exemplars = _crop_features(table, areas, config.exemplar_cells)
    areas = config.cell_areas(batch.priors, config.search_cells)
    table = _build_table(_features(network, batch.searches))
    search = _crop_features(table, areas, config.search_cells)
    similarity = growth = torch.zeros(len(search), 0, device=search.device)
    if sizes:
        similarity, growth = _compare_sizes(network, batch, sizes, table, exemplars)
    return PairComparison(
        log_odds=network.compare(search, exemplars)[:, 0],
        ground_truth=_locate(network, batch, areas),
        features=search,
        similarity=similarity,
        growth=growth,
    )


def score_map_positions(network: SiamFCNet) -> Float[Tensor, "h w 2"]:
    """Positions of the score map's cells relative to its middle, in pixels of the search image."""
    stride, cells = float(GEOMETRY.stride), network.config.score_cells
    boxes: Tensor = anchor_boxes([1.0], scale=1.0, stride=stride, cells=cells)
    return boxes[0, ..., :2]


def _compare_sizes(
    network: SiamFCNet,
    batch: PairBatch,
    sizes: Sequence[float],
    table: FeatureTable,
    exemplars: Float[Tensor, "n k k c"],
) -> tuple[Float[Tensor, "n s"], Float[Tensor, "n s"]]:
    """The similarity of windows about targets, in ``sizes`` of the priors, and their growth."""
    config = network.config
    middle = (batch.boxes[:, :2] + batch.boxes[:, 2:]) / 2
    half = (batch.priors[:, 2:] - batch.priors[:, :2]) / 2
    boxes = np.concatenate([middle - half, middle + half], axis=1)
    windows = scale_areas(config.cell_areas(boxes, config.window_cells), tuple(sizes))
    crops = _crop_features(table, windows.reshape(-1, 4), config.window_cells)
    similarity = network.similarity(crops, exemplars).amax((2, 3))
    fitting = config.cell_areas(batch.boxes, config.window_cells)
    true_side, side = (a[..., 2] - a[..., 0] for a in (fitting[:, None], windows))
    return similarity, torch.as_tensor(np.log(true_side / side), device=similarity.device)


def _locate(
    network: SiamFCNet, batch: PairBatch, areas: Float32[XYXY, " n"]
) -> Float[TensorCXCYWH, " n"]:
    """The ground truth in search areas, in pixels of SiamFC's search image."""
    side = network.config.search_cells * GEOMETRY.stride
    boxes = to_canonical_pixels(batch.boxes, areas, side)
    return torch.as_tensor(boxes, device=network.gain.device)


def _features(
    network: SiamFCNet, images: UInt8[np.ndarray, "n h w 3"]
) -> Float[Tensor, "n h8 w8 c"]:
    return network.features(torch.as_tensor(images, device=network.gain.device))


def _build_table(maps: Float[Tensor, "n h w c"]) -> FeatureTable:
    """The features of images as a table."""
    count = len(maps)
    return FeatureTable.from_maps(
        list(maps.permute(0, 3, 1, 2)), [GEOMETRY.stride] * count, [GEOMETRY.field / 2] * count
    )


def _crop_features(
    table: FeatureTable, areas: Float32[XYXY, " m"], cells: int
) -> Float[Tensor, "m cells cells c"]:
    """The features of areas, equally many of each image."""
    device, count = table.values.device, len(table.start)
    rows = torch.arange(count, device=device).repeat_interleave(len(areas) // count)
    return roi_crop(table, torch.as_tensor(areas, device=device), rows, cells)

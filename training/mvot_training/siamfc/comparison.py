"""Score maps and similarities of a batch of pairs, by SiamFC's network or by SiamMT's."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Float32, UInt8
from torch import Tensor

from mvot_plugin.models.siamfc import CorrelationNet, SiamFCNet, SiamMTNet
from mvot_plugin.ops.anchors import anchor_boxes
from mvot_plugin.ops.areas import scale_areas
from mvot_plugin.ops.roi import FeatureTable, roi_crop
from mvot_plugin.ops.tensor_boxes import TensorCXCYWH
from mvot_plugin.types import XYXY
from mvot_training.losses import to_canonical_pixels
from mvot_training.pairs.batches import PairBatch

__all__ = ["PairComparison", "compare_pairs", "score_map_positions"]


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


def compare_pairs(
    network: CorrelationNet, batch: PairBatch, sizes: Sequence[float] = ()
) -> PairComparison:
    """Compare the pairs of a batch; with SiamMT, also at ``sizes`` relative to the priors'."""
    side = network.search_cells * network.backbone.receptive_field.stride
    device = network.gain.device
    similarity = growth = torch.zeros(len(batch.boxes), 0, device=device)
    if isinstance(network, SiamMTNet):
        exemplar_areas = network.areas(batch.exemplar_boxes, network.exemplar_cells)
        areas = network.areas(batch.priors, network.search_cells)
        table = _extract_features(network, batch.exemplars)
        exemplars = _crop_features(network, table, exemplar_areas, network.exemplar_cells)
        table = _extract_features(network, batch.searches)
        search = _crop_features(network, table, areas, network.search_cells)
        if sizes:
            similarity, growth = _compare_sizes(network, batch, sizes, table, exemplars)
    else:
        assert isinstance(network, SiamFCNet)
        exemplars = network.features(network.normalize(batch.exemplars))
        search = network.features(network.normalize(batch.searches))
        margin = (batch.searches.shape[1] - side) / 2
        areas = np.array([margin, margin, margin + side, margin + side], np.float32)
        areas = areas[None].repeat(len(search), 0)
    return PairComparison(
        log_odds=network.compare(search[:, None], exemplars)[:, 0],
        ground_truth=torch.as_tensor(to_canonical_pixels(batch.boxes, areas, side), device=device),
        features=search,
        similarity=similarity,
        growth=growth,
    )


def score_map_positions(network: CorrelationNet) -> Float[Tensor, "h w 2"]:
    """Positions of the score map's cells relative to its middle, in pixels of the search image."""
    stride = float(network.backbone.receptive_field.stride)
    boxes: Tensor = anchor_boxes([1.0], scale=1.0, stride=stride, cells=network.score_cells)
    return boxes[0, ..., :2]


def _compare_sizes(
    network: SiamMTNet,
    batch: PairBatch,
    sizes: Sequence[float],
    table: FeatureTable,
    exemplars: Float[Tensor, "n k k c"],
) -> tuple[Float[Tensor, "n s"], Float[Tensor, "n s"]]:
    """The similarity of windows about targets, in ``sizes`` of the priors, and their growth."""
    middle = (batch.boxes[:, :2] + batch.boxes[:, 2:]) / 2
    half = (batch.priors[:, 2:] - batch.priors[:, :2]) / 2
    boxes = np.concatenate([middle - half, middle + half], axis=1)
    windows = scale_areas(network.areas(boxes, network.window_cells), tuple(sizes))
    crops = _crop_features(network, table, windows.reshape(-1, 4), network.window_cells)
    similarity = network.similarity(crops.view(-1, len(sizes), *crops.shape[1:]), exemplars).amax(
        (2, 3)
    )
    fitting = network.areas(batch.boxes, network.window_cells)
    true_side, side = (a[..., 2] - a[..., 0] for a in (fitting[:, None], windows))
    return similarity, torch.as_tensor(np.log(true_side / side), device=similarity.device)


def _extract_features(network: SiamMTNet, images: UInt8[np.ndarray, "n s s 3"]) -> FeatureTable:
    """The features of images, as a table."""
    maps, field = network.features(network.normalize(images)), network.backbone.receptive_field
    count = len(maps)
    return FeatureTable.from_maps(
        list(maps.permute(0, 3, 1, 2)), [field.stride] * count, [field.size / 2] * count
    )


def _crop_features(
    network: SiamMTNet, table: FeatureTable, areas: Float32[XYXY, " m"], cells: int
) -> Float[Tensor, "m cells cells c"]:
    """The features of areas, equally many of each image."""
    device, count = table.values.device, len(table.start)
    rows = torch.arange(count, device=device).repeat_interleave(len(areas) // count)
    return roi_crop(table, torch.as_tensor(areas, device=device), rows, cells)

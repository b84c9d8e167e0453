"""What a batch of pairs looks like to SiamFC, and to SiamMT."""

import numpy as np
import torch
from jaxtyping import Float, Float32, UInt8
from torch import Tensor

from mvot_pipelines.training.losses import canonical
from mvot_pipelines.training.pairs import PairBatch
from mvot_plugin.models.siamfc import CorrelationNet, SiamFCNet, SiamMTNet
from mvot_plugin.ops.anchors import anchor_boxes
from mvot_plugin.ops.roi import Cells, roi_crop

__all__ = ["compared", "places"]


def compared(
    network: CorrelationNet, batch: PairBatch
) -> tuple[Float[Tensor, "n h w"], Float32[np.ndarray, "n 4"], Float[Tensor, "n hs ws c"]]:
    """Log odds at each place, the truth, and the search areas' features.

    The truth is boxes (cx, cy, w, h) from the middle of the search areas, in pixels of SiamFC's
    search image, whichever network it is.
    """
    side = network.searched * network.backbone.field.stride
    if isinstance(network, SiamMTNet):
        exemplars = _sampled(network, batch.exemplars, batch.exemplar_boxes, network.kept)
        search = _sampled(network, batch.searches, batch.priors, network.searched)
        areas = network.areas(batch.priors, network.searched)
    else:
        assert isinstance(network, SiamFCNet)
        exemplars = network.features(network.pixels(batch.exemplars))
        search = network.features(network.pixels(batch.searches))
        spare = (batch.searches.shape[1] - side) / 2
        areas = np.array([spare, spare, spare + side, spare + side], np.float32)
        areas = areas[None].repeat(len(search), 0)
    odds = network.compare(search[:, None], exemplars)[:, 0]
    return odds, canonical(batch.boxes, areas, side), search


def places(network: CorrelationNet) -> Float[Tensor, "h w 2"]:
    """Where the places of the score map are, from its middle, in pixels of the search image."""
    stride = float(network.backbone.field.stride)
    boxes: Tensor = anchor_boxes([1.0], scale=1.0, stride=stride, cells=network.cells)
    return boxes[0, ..., :2]


def _sampled(
    network: SiamMTNet,
    images: UInt8[np.ndarray, "n s s 3"],
    boxes: Float32[np.ndarray, "n 4"],
    cells: int,
) -> Float[Tensor, "n cells cells c"]:
    """The features of a box's area in each image."""
    maps, field = network.features(network.pixels(images)), network.backbone.field
    origin = field.receptive / 2
    table = Cells.dense(
        list(maps.permute(0, 3, 1, 2)), [field.stride] * len(maps), [origin] * len(maps)
    )
    areas = torch.as_tensor(network.areas(boxes, cells), device=maps.device)
    return roi_crop(table, areas, torch.arange(len(maps), device=maps.device), cells)

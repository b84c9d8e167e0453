"""What a batch of pairs looks like to SiamFC, and to SiamMT."""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float, Float32, UInt8
from torch import Tensor

from mvot_pipelines.training.losses import canonical
from mvot_pipelines.training.pairs import PairBatch
from mvot_plugin.models.siamfc import CorrelationNet, SiamFCNet, SiamMTNet
from mvot_plugin.ops.anchors import anchor_boxes
from mvot_plugin.ops.areas import scaled_areas
from mvot_plugin.ops.roi import Cells, roi_crop

__all__ = ["compared", "places"]


def compared(
    network: CorrelationNet, batch: PairBatch, scales: Sequence[float] = (1.0,)
) -> tuple[Float[Tensor, "n s h w"], Float32[np.ndarray, "n s 4"], Float[Tensor, "n hs ws c"]]:
    """Log odds at each place, the truth, and the search areas' features.

    Search areas are tried at S ``scales``, of which the first is 1, the one whose features are
    returned, and SiamFC's only one. The truth is boxes (cx, cy, w, h) from the middle of the search
    areas, in pixels of SiamFC's search image, whichever network it is.
    """
    side = network.searched * network.backbone.field.stride
    if isinstance(network, SiamMTNet):
        own = network.areas(batch.exemplar_boxes, network.kept)[:, None]
        exemplars = _sampled(network, batch.exemplars, own, network.kept)[:, 0]
        areas = scaled_areas(network.areas(batch.priors, network.searched), scales)
        search = _sampled(network, batch.searches, areas, network.searched)
    else:
        assert isinstance(network, SiamFCNet)
        assert len(scales) == 1
        exemplars = network.features(network.pixels(batch.exemplars))
        search = network.features(network.pixels(batch.searches))[:, None]
        spare = (batch.searches.shape[1] - side) / 2
        areas = np.array([spare, spare, spare + side, spare + side], np.float32)
        areas = areas[None, None].repeat(len(search), 0)
    boxes = batch.boxes.repeat(len(scales), 0)
    truth = canonical(boxes, areas.reshape(-1, 4), side).reshape(areas.shape)
    return network.compare(search, exemplars), truth, search[:, 0]


def places(network: CorrelationNet) -> Float[Tensor, "h w 2"]:
    """Where the places of the score map are, from its middle, in pixels of the search image."""
    stride = float(network.backbone.field.stride)
    boxes: Tensor = anchor_boxes([1.0], scale=1.0, stride=stride, cells=network.cells)
    return boxes[0, ..., :2]


def _sampled(
    network: SiamMTNet,
    images: UInt8[np.ndarray, "n h w 3"],
    areas: Float32[np.ndarray, "n s 4"],
    cells: int,
) -> Float[Tensor, "n s cells cells c"]:
    """The features of S areas of each image."""
    maps, field = network.features(network.pixels(images)), network.backbone.field
    origin = field.receptive / 2
    table = Cells.dense(
        list(maps.permute(0, 3, 1, 2)), [field.stride] * len(maps), [origin] * len(maps)
    )
    each = torch.as_tensor(areas.reshape(-1, 4), device=maps.device)
    rows = torch.arange(len(maps), device=maps.device).repeat_interleave(areas.shape[1])
    crops = roi_crop(table, each, rows, cells)
    return crops.view(*areas.shape[:2], *crops.shape[1:])

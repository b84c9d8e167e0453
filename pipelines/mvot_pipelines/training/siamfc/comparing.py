"""What a batch of pairs looks like to SiamFC, and to SiamMT."""

from collections.abc import Sequence
from dataclasses import dataclass

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

__all__ = ["Compared", "compared", "places"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Compared:
    """N pairs as a network compares them.

    ``odds`` are the log odds at each place, and ``truth`` boxes (cx, cy, w, h) from the middle of
    the search areas, in pixels of SiamFC's search image, whichever network it is. ``features`` are
    the search areas'. ``alike`` says how alike the exemplars are to windows of S sizes about the
    target; ``growth`` is how much larger, in the logarithm, the target is than fits each.
    """

    odds: Float[Tensor, "n h w"]
    truth: Float[Tensor, "n 4"]
    features: Float[Tensor, "n hs ws c"]
    alike: Float[Tensor, "n s"]
    growth: Float[Tensor, "n s"]


def compared(network: CorrelationNet, batch: PairBatch, sizes: Sequence[float] = ()) -> Compared:
    """A batch of pairs, compared; of SiamMT, also at ``sizes`` relative to the priors'."""
    side = network.searched * network.backbone.field.stride
    device = network.gain.device
    alike = growth = torch.zeros(len(batch.boxes), 0, device=device)
    if isinstance(network, SiamMTNet):
        own = network.areas(batch.exemplar_boxes, network.kept)
        areas = network.areas(batch.priors, network.searched)
        exemplars = _cropped(network, _table(network, batch.exemplars), own, network.kept)
        table = _table(network, batch.searches)
        search = _cropped(network, table, areas, network.searched)
        if sizes:
            alike, growth = _sized(network, batch, sizes, table, exemplars)
    else:
        assert isinstance(network, SiamFCNet)
        exemplars = network.features(network.pixels(batch.exemplars))
        search = network.features(network.pixels(batch.searches))
        spare = (batch.searches.shape[1] - side) / 2
        areas = np.array([spare, spare, spare + side, spare + side], np.float32)
        areas = areas[None].repeat(len(search), 0)
    return Compared(
        odds=network.compare(search[:, None], exemplars)[:, 0],
        truth=torch.as_tensor(canonical(batch.boxes, areas, side), device=device),
        features=search,
        alike=alike,
        growth=growth,
    )


def places(network: CorrelationNet) -> Float[Tensor, "h w 2"]:
    """Where the places of the score map are, from its middle, in pixels of the search image."""
    stride = float(network.backbone.field.stride)
    boxes: Tensor = anchor_boxes([1.0], scale=1.0, stride=stride, cells=network.cells)
    return boxes[0, ..., :2]


def _sized(
    network: SiamMTNet,
    batch: PairBatch,
    sizes: Sequence[float],
    table: Cells,
    exemplars: Float[Tensor, "n k k c"],
) -> tuple[Float[Tensor, "n s"], Float[Tensor, "n s"]]:
    """How alike windows about targets are, in ``sizes`` of the priors; the growth from each."""
    middle = (batch.boxes[:, :2] + batch.boxes[:, 2:]) / 2
    half = (batch.priors[:, 2:] - batch.priors[:, :2]) / 2
    about = np.concatenate([middle - half, middle + half], axis=1)
    windows = scaled_areas(network.areas(about, network.window), tuple(sizes))
    crops = _cropped(network, table, windows.reshape(-1, 4), network.window)
    alike = network.alike(crops.view(-1, len(sizes), *crops.shape[1:]), exemplars).amax((2, 3))
    fitting = network.areas(batch.boxes, network.window)
    fit, tried = (areas[..., 2] - areas[..., 0] for areas in (fitting[:, None], windows))
    return alike, torch.as_tensor(np.log(fit / tried), device=alike.device)


def _table(network: SiamMTNet, images: UInt8[np.ndarray, "n s s 3"]) -> Cells:
    """The features of images."""
    maps, field = network.features(network.pixels(images)), network.backbone.field
    count = len(maps)
    return Cells.dense(
        list(maps.permute(0, 3, 1, 2)), [field.stride] * count, [field.receptive / 2] * count
    )


def _cropped(
    network: SiamMTNet, table: Cells, areas: Float32[np.ndarray, "m 4"], cells: int
) -> Float[Tensor, "m cells cells c"]:
    """The features of areas, as many of each image."""
    device, count = table.values.device, len(table.start)
    rows = torch.arange(count, device=device).repeat_interleave(len(areas) // count)
    return roi_crop(table, torch.as_tensor(areas, device=device), rows, cells)

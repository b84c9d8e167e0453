"""Anchor boxes of a region proposal network, and the encoding of boxes relative to them."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from mvot_plugin.ops.tensors.boxes import TensorCXCYWH

__all__ = ["anchor_boxes", "decode_boxes", "encode_boxes"]

MAX_LOG_GROWTH = 4.0
"""Limit of the logarithm of a decoded side relative to its anchor's, against overflow."""


def anchor_boxes(
    ratios: Sequence[float], *, scale: float, stride: float, cells: int
) -> Float[TensorCXCYWH, "k cells cells"]:
    """Anchor boxes of a search area, relative to its middle.

    One for each of the K height-to-width ``ratios`` at each cell of a ``cells`` x ``cells`` score
    map of the given ``stride``; all have an area of (``scale`` * ``stride``)². The unit is that of
    ``stride``: pixels of the canonical search area (SiamRPN; SiamMOTION 3.3.1).
    """
    centres = (torch.arange(cells) - (cells - 1) / 2) * stride
    root = torch.tensor(ratios, dtype=torch.float32).sqrt()[:, None, None]
    shape = (len(ratios), cells, cells)
    side = scale * stride
    x, y = centres.expand(shape), centres[:, None].expand(shape)
    return torch.stack([x, y, (side / root).expand(shape), (side * root).expand(shape)], dim=-1)


def encode_boxes(
    boxes: Float[TensorCXCYWH, "*n"], anchors: Float[TensorCXCYWH, "*m"]
) -> Float[Tensor, "*k 4"]:
    """Regression targets of ``boxes`` relative to ``anchors``; both are broadcast.

    ((x - x_a) / w_a, (y - y_a) / h_a, log(w / w_a), log(h / h_a)).
    """
    shift = (boxes[..., :2] - anchors[..., :2]) / anchors[..., 2:]
    return torch.cat([shift, (boxes[..., 2:] / anchors[..., 2:]).log()], dim=-1)


def decode_boxes(
    deltas: Float[Tensor, "*n 4"], anchors: Float[TensorCXCYWH, "*m"]
) -> Float[TensorCXCYWH, "*k"]:
    """Boxes from regression outputs: the inverse of ``encode_boxes``."""
    centre = deltas[..., :2] * anchors[..., 2:] + anchors[..., :2]
    growth = deltas[..., 2:].clamp(-MAX_LOG_GROWTH, MAX_LOG_GROWTH).exp()
    return torch.cat([centre, growth * anchors[..., 2:]], dim=-1)

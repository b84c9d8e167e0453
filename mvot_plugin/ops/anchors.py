"""Anchor boxes of a region proposal network, and the coding of boxes against them."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

__all__ = ["anchor_boxes", "decode_boxes", "encode_boxes"]

LARGEST_GROWTH = 4.0
"""Limit of the logarithm of a decoded side against its anchor's, so that none overflows."""


def anchor_boxes(
    ratios: Sequence[float], *, scale: float, stride: float, cells: int
) -> Float[Tensor, "k cells cells 4"]:
    """Anchors (centre x, centre y, width, height) about the middle of a search area.

    One for each of the K height-to-width ``ratios`` at each place of a ``cells`` x ``cells`` score
    map of the given ``stride``; all have an area of (``scale`` * ``stride``)². The unit is that of
    ``stride``: pixels of the canonical search area (SiamRPN; SiamMOTION 3.3.1).
    """
    at = (torch.arange(cells) - (cells - 1) / 2) * stride
    root = torch.tensor(ratios, dtype=torch.float32).sqrt()[:, None, None]
    shape = (len(ratios), cells, cells)
    side = scale * stride
    columns, rows = at.expand(shape), at[:, None].expand(shape)
    return torch.stack(
        [columns, rows, (side / root).expand(shape), (side * root).expand(shape)], dim=-1
    )


def encode_boxes(
    boxes: Float[Tensor, "*n 4"], anchors: Float[Tensor, "*m 4"]
) -> Float[Tensor, "*k 4"]:
    """Regression targets of ``boxes`` against ``anchors``, both (cx, cy, w, h), broadcast.

    ((x - x_a) / w_a, (y - y_a) / h_a, log(w / w_a), log(h / h_a)).
    """
    shift = (boxes[..., :2] - anchors[..., :2]) / anchors[..., 2:]
    return torch.cat([shift, (boxes[..., 2:] / anchors[..., 2:]).log()], dim=-1)


def decode_boxes(
    deltas: Float[Tensor, "*n 4"], anchors: Float[Tensor, "*m 4"]
) -> Float[Tensor, "*k 4"]:
    """Boxes (cx, cy, w, h) from regression outputs: the inverse of ``encode_boxes``."""
    centre = deltas[..., :2] * anchors[..., 2:] + anchors[..., :2]
    growth = deltas[..., 2:].clamp(-LARGEST_GROWTH, LARGEST_GROWTH).exp()
    return torch.cat([centre, growth * anchors[..., 2:]], dim=-1)

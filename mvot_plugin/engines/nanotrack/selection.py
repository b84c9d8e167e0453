"""From the answers of all cells to one box for each target, as NanoTrack does it."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32

from mvot_plugin.types import CXCYWH

__all__ = ["Selection"]

LONGEST = 1e4
"""Pixels of a search area that a box may reach from its cell."""


@dataclass(frozen=True, kw_only=True)
class Selection:
    """NanoTrack's choice of a box; the defaults are OpenCV's (``TrackerNano``), and measured ones.

    The distractor masks are SiamMOTION's (3.3.2).
    """

    window: float = 0.455
    """Influence of the Hann window: its share of the score."""
    shape: float = 0.055
    """Strength of the penalty of a change of scale and of aspect ratio."""
    size_damping: float = 0.37
    """Weight of a new size against the last, before score and penalty."""
    distractor: float = 0.3
    """Influence of the distractor masks: the share of the score that they may take."""
    distractor_scale: float = 0.1
    """Side of a distractor's window, in sides of its search area."""

    def select(
        self,
        logits: Float32[np.ndarray, "n k k"],
        distances: Float32[np.ndarray, "n 4 k k"],
        last: Float32[np.ndarray, "n 2"],
        stride: int,
        masks: Float32[np.ndarray, "n k k"] | None = None,
    ) -> tuple[Float32[CXCYWH, " n"], Float32[np.ndarray, " n"]]:
        """Select the box of each target.

        Args:
            logits: Log odds of the target, at each cell of N search areas.
            distances: From each cell to the left, top, right and bottom of its box, in pixels.
            last: The last (w, h) of the targets, in pixels of their search areas.
            stride: Pixels from a cell to the next.
            masks: From 1 to 0 where another target is; None where there is none.

        Returns:
            N boxes, in pixels from the middle of the search area, and the logits of their cells.
        """
        count, side = logits.shape[:2]
        boxes = _decode(distances.reshape(count, 4, -1), side, stride)
        score = 1 / (1 + np.exp(-np.clip(logits.reshape(count, -1), -50, 50)))
        penalty = self._penalize(boxes[..., 2:], last[:, None])
        window = np.outer(np.hanning(side), np.hanning(side)).astype(np.float32).reshape(-1)
        penalised = (1 - self.window) * penalty * score + self.window * window
        if masks is not None:
            penalised *= 1 - self.distractor + self.distractor * masks.reshape(count, -1)
        best = penalised.argmax(1)[:, None]
        chosen = np.take_along_axis(boxes, best[..., None], axis=1)[:, 0]
        rate = self.size_damping * np.take_along_axis(penalty * score, best, axis=1)
        size = last + np.clip(rate, 0, 1) * (chosen[:, 2:] - last)
        found = np.concatenate([chosen[:, :2], size], axis=1).astype(np.float32)
        return found, np.take_along_axis(logits.reshape(count, -1), best, axis=1)[:, 0]

    def _penalize(
        self, sizes: Float32[np.ndarray, "n m 2"], last: Float32[np.ndarray, "n 1 2"]
    ) -> Float32[np.ndarray, "n m"]:
        """Factors in 0..1 for sizes after the last ones (SiamRPN; SiamMOTION Eq. 3)."""
        scale = _ratio(_overall_scale(sizes), _overall_scale(last))
        aspect = _ratio(sizes[..., 0] / sizes[..., 1], last[..., 0] / last[..., 1])
        return np.asarray(np.exp(self.shape * (1 - scale * aspect)))


def _decode(
    distances: Float32[np.ndarray, "n 4 m"], side: int, stride: int
) -> Float32[CXCYWH, "n m"]:
    """Boxes from the distances to their edges; cell ``side`` // 2 lies in the middle."""
    places = (np.arange(side, dtype=np.float32) - side // 2) * stride
    x, y = np.tile(places, side), np.repeat(places, side)
    left, top, right, bottom = np.minimum(distances, LONGEST).transpose(1, 0, 2)
    width, height = np.maximum(left + right, 1), np.maximum(top + bottom, 1)
    return np.stack([x + (right - left) / 2, y + (bottom - top) / 2, width, height], axis=-1)


def _overall_scale(sizes: Float32[np.ndarray, "*n 2"]) -> Float32[np.ndarray, "*n"]:
    margin = sizes.sum(-1, keepdims=True) / 2
    return np.asarray(np.sqrt((sizes + margin).prod(-1)))


def _ratio(
    now: Float32[np.ndarray, "*n"], last: Float32[np.ndarray, "*m"]
) -> Float32[np.ndarray, "*k"]:
    return np.asarray(np.maximum(now / last, last / now))

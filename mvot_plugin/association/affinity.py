"""Affinity of detections with the predicted motion of targets."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Int64

from mvot_plugin.engines.base import Motion
from mvot_plugin.ops.boxes import buffered_iou
from mvot_plugin.types import Detections

__all__ = ["AffinityConfig", "affinity"]


@dataclass(frozen=True, kw_only=True)
class AffinityConfig:
    """Settings of the affinity."""

    gate: float = 0.1
    """The least affinity of a match, in 0..1."""
    margin: float = 0.05
    """Margin around every box when overlap is measured, in sides of the box."""
    search: float = 0.35
    """Further margin at motion confidence 0, in sides of the box; it falls to 0 at confidence 1."""
    trust: float = 0.5
    """Factor of an overlap at motion confidence 0; it rises to 1 at confidence 1."""
    other_class: float = 0.2
    """Factor of an overlap where the classes differ. Detectors may change between car and truck on
    the same object, but a rider's box is not that of the bicycle. 0 forbids such matches."""


def affinity(
    motion: Motion,
    class_id: Int64[np.ndarray, " n"],
    detections: Detections,
    config: AffinityConfig,
) -> Float32[np.ndarray, "n m"]:
    """Compute the affinity, in 0..1, of N tracked targets with the M detections of one frame.

    It is the IoU of both boxes, enlarged by a margin that grows as motion confidence falls, so that
    small, fast or uncertain targets still overlap their detections; times factors of the motion's
    confidence and of equal classes.
    """
    doubt = np.clip(1 - motion.scores, 0, 1)
    margin = config.margin + config.search * doubt
    overlap = buffered_iou(motion.boxes, detections.xyxy, margin)
    same = class_id[:, None] == detections.class_id[None, :]
    agreement = np.where(same, 1, config.other_class)
    trust = config.trust + (1 - config.trust) * (1 - doubt)
    return np.array(overlap * agreement * trust[:, None], np.float32)

"""How well each detection fits each target's predicted motion."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Int64

from mvot_plugin.engines.base import Motion
from mvot_plugin.ops.boxes import buffered_iou
from mvot_plugin.types import Detections

__all__ = ["AffinityConfig", "affinity"]


@dataclass(frozen=True, kw_only=True)
class AffinityConfig:
    """Settings of the affinity; margins are shares of a box's width and height."""

    gate: float = 0.1
    """The least affinity of a match."""
    margin: float = 0.05
    """Margin around every box when overlap is measured."""
    search: float = 0.35
    """Further margin at motion confidence 0: the less sure the motion, the wider the search."""
    trust: float = 0.5
    """What an overlap is worth at motion confidence 0, against 1 at full confidence."""
    other_class: float = 0.2
    """What an overlap is worth where the classes differ: detectors waver between car and truck on
    one and the same object, while a rider's box is not his bicycle's. 0 forbids such matches."""


def affinity(
    motion: Motion,
    class_id: Int64[np.ndarray, " n"],
    detections: Detections,
    config: AffinityConfig,
) -> Float32[np.ndarray, "n m"]:
    """Affinity in 0..1 of N moved targets and M detections of one frame.

    The overlap (IoU) of both boxes, grown by a margin that widens as motion confidence falls, so
    that small, fast or unsure targets still meet their detections; times the motion's confidence
    and the agreement of classes.
    """
    doubt = np.clip(1 - motion.scores, 0, 1)
    margin = config.margin + config.search * doubt
    overlap = buffered_iou(motion.boxes, detections.xyxy, margin)
    same = class_id[:, None] == detections.class_id[None, :]
    agreement = np.where(same, 1, config.other_class)
    trust = config.trust + (1 - config.trust) * (1 - doubt)
    return np.array(overlap * agreement * trust[:, None], np.float32)

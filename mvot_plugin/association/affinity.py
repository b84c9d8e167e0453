"""Affinity of targets with detections: by place, and by appearance."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Float64, Int64

from mvot_plugin.config import CheckedConfig, Fraction, NonNegative
from mvot_plugin.engines.base import Motion
from mvot_plugin.ops.boxes import buffered_iou
from mvot_plugin.types import Detections

__all__ = ["AffinityConfig", "add_evidence", "compute_affinity", "overlap_affinity"]

_LEAST = 1e-4
"""An affinity by place below this is 0: no appearance makes up for the distance."""


@dataclass(frozen=True, kw_only=True)
class AffinityConfig(CheckedConfig):
    """Settings of the affinity."""

    gate: Fraction = 0.03
    """The least affinity of a match with a sure detection, in 0..1."""
    weak_gate: NonNegative = 0.3
    """The least affinity of a match with a weak detection."""
    margin: NonNegative = 0.05
    """Margin around every box when overlap is measured, in sides of the box."""
    search: NonNegative = 0.35
    """Further margin at confidence 0 of the motion, in sides of the box; it falls to 0 at 1."""
    trust: Fraction = 0.5
    """Factor of an overlap at confidence 0 of the motion; it rises to 1 at confidence 1."""
    course_weight: Fraction = 0.5
    """Share of the box that the target's course predicts, its velocity between detections, in the
    affinity; the rest is that of the engine's box."""
    other_class: Fraction = 0.2
    """Factor of an overlap where the classes differ. Detectors may change between car and truck on
    the same object, but a rider's box is not that of the bicycle. 0 forbids such matches."""


def compute_affinity(
    motion: Motion,
    course: Motion,
    class_id: Int64[np.ndarray, " n"],
    detections: Detections,
    config: AffinityConfig,
) -> Float32[np.ndarray, "n m"]:
    """Compute the affinity by place, in 0..1, of N targets with the M detections of one frame.

    Args:
        motion: Where the engine sees the N targets.
        course: Where their courses predict them.
        class_id: Their classes.
        detections: The M detections.
        config: The settings.

    Returns:
        The mean of the affinities by both motions, times a factor where classes differ.
    """
    by_course = (
        overlap_affinity(course, detections, config) if config.course_weight else np.float32(0)
    )
    by_engine = overlap_affinity(motion, detections, config)
    mixed = by_engine + np.float32(config.course_weight) * (by_course - by_engine)
    same = class_id[:, None] == detections.class_id[None, :]
    return np.asarray(mixed * np.where(same, 1, config.other_class), np.float32)


def overlap_affinity(
    motion: Motion, detections: Detections, config: AffinityConfig
) -> Float32[np.ndarray, "n m"]:
    """Compute the affinity of N moved boxes with M detections.

    It is the IoU of both boxes, enlarged by a margin that grows as the motion's confidence falls,
    so that small, fast or uncertain targets still overlap their detections; times a factor of that
    confidence (buffered IoU, Yang et al., WACV 2023).
    """
    doubt = np.clip(1 - motion.scores, 0, 1)
    overlap = buffered_iou(motion.boxes, detections.xyxy, config.margin + config.search * doubt)
    trust = config.trust + (1 - config.trust) * (1 - doubt)
    return np.asarray(overlap * trust[:, None], np.float32)


def add_evidence(
    affinity: Float32[np.ndarray, "n m"], log_ratio: Float64[np.ndarray, "n m"]
) -> Float32[np.ndarray, "n m"]:
    """Add evidence of another kind to an affinity in 0..1, taken as a probability.

    ``log_ratio`` are log likelihood ratios for against no match. An affinity of 0 stays 0.
    """
    probability = np.clip(affinity.astype(np.float64), _LEAST, 1 - _LEAST)
    log_odds = np.log(probability / (1 - probability)) + log_ratio
    fused = 1 / (1 + np.exp(-log_odds))
    return np.where(affinity > _LEAST, fused, 0).astype(np.float32)

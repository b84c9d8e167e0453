"""Sure and weak detections, from confidences of any scale.

As in ByteTrack (Zhang et al., ECCV 2022), sure detections are matched first, and weak ones only
keep what is known already. Detectors differ in what their confidences mean, so a detection is
compared with the typical confidence of its detector on this video, not with a constant.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, Float64

from mvot_plugin.config import CheckedConfig, Fraction, NonNegative

__all__ = ["ConfidenceConfig", "ConfidenceScale", "Grades"]


@dataclass(frozen=True, kw_only=True)
class ConfidenceConfig(CheckedConfig):
    """Settings of how sure a detection is; they are shares of the detector's typical confidence."""

    sure: NonNegative = 0.5
    """Confidence from which a detection is sure; weaker ones are matched last. 0: all are sure."""
    birth: NonNegative = 0.6
    """Confidence from which a detection may start a track. 0: all may."""
    share: Fraction = 0.1
    """Share of the last detector call in the typical confidence; the rest are earlier ones."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Grades:
    """How sure each detection of a frame is."""

    sure: Bool[np.ndarray, " m"]
    """Matched first; the others are weak."""
    may_start: Bool[np.ndarray, " m"]
    """Whether it may start a track."""
    weight: Float64[np.ndarray, " m"]
    """Its weight as evidence for a target, 0..1; 1 for all that are sure."""


class ConfidenceScale:
    """Grades detections by the typical confidence of a detector so far."""

    def __init__(self, config: ConfidenceConfig) -> None:
        self.config = config
        self._typical = np.nan

    def grade(self, confidence: Float32[np.ndarray, " m"]) -> Grades:
        """Grade the M detections of a frame, and take them into the typical confidence.

        The typical confidence of a frame is the mean weighted by confidence itself, so that many
        weak detections do not lower it.
        """
        values = confidence.astype(np.float64)
        if values.sum() > 0:
            mean = float((values**2).sum() / values.sum())
            share = 1.0 if np.isnan(self._typical) else self.config.share
            self._typical = mean if share == 1 else self._typical + share * (mean - self._typical)
        relative = values / (self._typical if self._typical > 0 else 1.0)
        sure = self.config.sure
        return Grades(
            sure=relative >= sure,
            may_start=relative >= self.config.birth,
            weight=np.clip(relative / sure, 0, 1) if sure > 0 else np.ones(len(values)),
        )

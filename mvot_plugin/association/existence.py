"""The odds that a target exists, from the hits and misses of the detector.

A match multiplies them, a miss divides them, by more the rarer misses are for this target (as in
integrated probabilistic data association, Musicki et al. 1994).
"""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float64

from mvot_plugin.association.trajectories import Trajectories
from mvot_plugin.config import CheckedConfig, NonNegative, Positive

__all__ = ["TIME_TOLERANCE", "ExistenceConfig", "newcomer_odds", "update_odds"]

TIME_TOLERANCE = 1e-6
"""Seconds by which equal times may differ."""


@dataclass(frozen=True, kw_only=True)
class ExistenceConfig(CheckedConfig):
    """Settings of the odds that a target exists."""

    newcomer_seconds: Positive = 0.5
    """Seconds in which as many new targets as false alarms are expected. In longer detector cycles
    a first detection is reported at once, in shorter ones a second one must confirm it."""
    first_odds: NonNegative = 4.0
    """The largest odds of a first detection; all have them on the first frame of a video."""
    stay_seconds: Positive = 5.0
    """Mean seconds that a target stays in view; its probability decays over a cycle accordingly."""
    hit_odds: NonNegative = 5.0
    """Likelihood ratio of a match: how much likelier a target is detected than a false alarm."""
    prior_hits: NonNegative = 2.0
    """Initial count of hits, in the hit rate of a target. The odds of a target that was always
    detected fall faster at a miss than those of one that is detected now and then."""
    prior_misses: NonNegative = 1.0
    """Initial count of misses in that rate."""
    patience: NonNegative = 0.4
    """Seconds since the last match within which a first miss is ignored, if ``well_seen``."""
    well_seen: NonNegative = 0.8
    """Motion confidence from which a first miss of the detector is ignored."""
    least_odds: NonNegative = 0.125
    """The least odds of a target that was once confirmed; two consecutive matches make it even."""
    most_odds: NonNegative = 50.0
    """The largest odds of a target."""
    refuted: NonNegative = 0.1
    """Odds under which a tentative trajectory is removed when a detector misses it."""


def newcomer_odds(cycle: float, config: ExistenceConfig) -> float:
    """Odds that an unmatched detection is a new target; the longer the cycle (s), the higher."""
    return float(min(cycle / config.newcomer_seconds, config.first_odds))


def update_odds(
    moved: Trajectories,
    weight: Float64[np.ndarray, " n"],
    time: float,
    previous: float,
    config: ExistenceConfig,
) -> Trajectories:
    """Update the odds of N trajectories by the hits and misses of a detector call.

    The odds after a sure hit are at least those of a new target. A forgiven miss does not take a
    target from the report.

    Args:
        moved: The trajectories on this frame, those with hits as ``detected``.
        weight: The weight of each hit as evidence, 0..1 (see ``Grades``).
        time: The time of this call, in seconds.
        previous: That of the one before; minus infinity for none.
        config: The settings.

    Returns:
        The trajectories with new odds and counts.
    """
    cycle = max(time - previous, 0.0)
    hits, misses = moved.hits + config.prior_hits, moved.misses + config.prior_misses
    ratio = np.where(
        moved.detected, config.hit_odds**weight, np.maximum(misses / (hits + misses), 0.05)
    )
    probability = np.exp(-cycle / config.stay_seconds) * moved.odds / (1 + moved.odds)
    least = np.where(moved.proven, config.least_odds, 0)
    least = np.where(_is_forgiven(moved, time, previous, config), 1, least)
    least = np.where(moved.detected & (weight >= 1), newcomer_odds(cycle, config), least)
    odds = np.clip(probability / (1 - probability) * ratio, least, config.most_odds)
    return replace(
        moved,
        odds=odds,
        proven=moved.proven | (odds >= 1),
        hits=moved.hits + moved.detected,
        misses=moved.misses + (~moved.detected & (moved.odds >= 1)),
    )


def _is_forgiven(
    moved: Trajectories, time: float, previous: float, config: ExistenceConfig
) -> Bool[np.ndarray, " n"]:
    """True for first misses of targets that the engine sees surely, a short time after a match."""
    is_recent = time - moved.measured <= config.patience + TIME_TOLERANCE
    is_first = (moved.measured == previous) & (moved.odds >= 1)
    return np.asarray(is_first & is_recent & (moved.score >= config.well_seen))

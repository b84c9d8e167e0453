"""Engines to test, boxes to track with them, and runs over frames."""

import warnings
from dataclasses import replace
from functools import cache
from unittest.mock import patch

import numpy as np
import pytest

from mvot_plugin.engines import load_engine
from mvot_plugin.engines.correlation import SiamMTEngine
from mvot_plugin.engines.extraction import Extraction
from mvot_plugin.errors import UntrainedWeights
from mvot_plugin.models import siamfc
from mvot_plugin.models.siammotion_config import PRESETS

APART = np.array(
    [[20, 20, 70, 90], [120, 30, 160, 110], [220, 25, 290, 100], [60, 130, 120, 220]], np.float32
)
WITHOUT_A_NETWORK = ("hold", "kalman", "lk-flow")


def centres(boxes):
    """The centres (x, y) of boxes (x0, y0, x1, y1)."""
    return (boxes[:, :2] + boxes[:, 2:]) / 2


def follow(engine, frames, boxes=APART):
    """Enrol on the first frame and track over the others: the last targets and all motions."""
    targets, motions = engine.enroll(engine.observe(frames[0]), boxes), []
    for frame in frames[1:]:
        targets, motion = engine.track(engine.observe(frame), targets)
        motions.append(motion)
    return targets, motions


def contract_engine(name):
    """An engine to test the contract with; one with a network has seeded random weights.

    Few channels make it some 50 times as fast as the shipped engine, and its erratic boxes cover
    more cases than those of a trained tracker.
    """
    if name in siamfc.PRESETS:
        return narrow_correlation(name)
    return narrow_engine(name=name) if name in PRESETS else load_engine(name)


def narrow_correlation(name, precision="fp32", **config):
    """An engine of SiamFC's family with few channels and seeded random weights."""
    narrow = replace(siamfc.PRESETS[name], channels=(16, 32, 32, 32, 32), **config)
    with patch.dict(siamfc.PRESETS, {name: narrow}), warnings.catch_warnings():
        warnings.simplefilter("ignore", UntrainedWeights)
        return load_engine(name, weights="random", device="cpu", precision=precision)


def narrow_engine(precision="fp32", device="cpu", name="siammotion", **config):
    """SiamMOTION with an eighth of the channels and seeded random weights."""
    narrow = replace(PRESETS[name], width=32, backbone_width=16, **config)
    with patch.dict(PRESETS, {name: narrow}), warnings.catch_warnings():
        warnings.simplefilter("ignore", UntrainedWeights)
        return load_engine(name, weights="random", device=device, precision=precision)


@cache
def shipped_engine(name):
    """The engine as it ships, in single precision on the CPU."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UntrainedWeights)
        return load_engine(
            name, device="cpu", precision="auto" if name in WITHOUT_A_NETWORK else "fp32"
        )


def trained_engine(name):
    """The engine as it ships; where it has no trained weights yet, the test is skipped."""
    engine = shipped_engine(name)
    if not getattr(engine, "trained", True):
        pytest.skip(f"engine {name!r} ships no trained weights yet")
    return engine


def without_interaction(engine):
    """The engine, in which no target depends on the others of its frame.

    It has no distractor masks, and SiamMT does not rescale the frame for the median target.
    """
    if isinstance(engine, SiamMTEngine):
        fixed_scale = Extraction(smallest=1.0, wanted=1.0, largest=1e4, pixels=float("inf"))
        return replace(engine, extraction=fixed_scale)
    if not hasattr(engine, "penalisation"):
        return engine
    return replace(engine, penalisation=replace(engine.penalisation, distractor=0.0))


def overlapping_boxes(count=20, seed=0):
    """Boxes of many sizes that overlap, within 270 x 270 pixels."""
    corner = np.random.default_rng(seed).uniform(0, 180, (count, 2))
    sides = np.random.default_rng(seed + 1).uniform(12, 90, (count, 2))
    return np.hstack([corner, corner + sides]).astype(np.float32)


def is_close(motion, other, atol=1e-4):
    """Whether two motions are the same up to rounding."""
    return np.allclose(motion.boxes, other.boxes, atol=atol, rtol=1e-6) and np.allclose(
        motion.scores, other.scores, atol=atol
    )

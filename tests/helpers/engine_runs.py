"""Engines to test, boxes to track with them, and runs over frames.

``MVOT_ENGINE=NAME pytest tests/plugin/engines/test_contract*.py`` tests the contract with one
engine alone: one that another package registers, or, as MODULE:FACTORY, one that can be imported.
"""

import os
import pkgutil
import warnings
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

import numpy as np
import pytest

from helpers.plugin.nanotrack_graphs import published_engine, small_engine
from helpers.small_light import SMALL
from mvot_plugin.engines import load_engine, torch_loading
from mvot_plugin.engines.correlation import SiamMTEngine
from mvot_plugin.engines.correlation.extraction import FrameScale
from mvot_plugin.engines.nanotrack import NanoTrackEngine
from mvot_plugin.engines.siamese import SiameseEngine
from mvot_plugin.engines.table import ENGINES
from mvot_plugin.engines.torch_loading import load_functions
from mvot_plugin.errors import UntrainedWeights
from mvot_plugin.models import siammotion_config as siammotion
from mvot_plugin.models.imsiam import config as imsiam
from mvot_plugin.models.light import config as light
from mvot_plugin.models.siamattn import config as siamattn
from mvot_plugin.models.siamfc import config as siamfc
from mvot_plugin.models.siammot import config as siammot
from mvot_plugin.runtimes.export import export_functions

APART = np.array(
    [[20, 20, 70, 90], [120, 30, 160, 110], [220, 25, 290, 100], [60, 130, 120, 220]], np.float32
)
WITHOUT_A_NETWORK = ("hold", "kalman", "lk-flow")
BY_GRAPHS = " by graphs"
"""What follows the name of an engine that is to run as exported graphs, not in torch."""
FOLLOWS_PEOPLE = "imsiam", "siamattn", "siammot-emm", "siammot-imm"
"""Engines that follow no mere texture; their own tests show them people."""
FOLLOWS_OBJECTS = (
    "nanotrack",
    *FOLLOWS_PEOPLE,
    *(f"{name}{BY_GRAPHS}" for name in FOLLOWS_PEOPLE),
)
"""Those, and one that follows texture badly, whose own tests show it people, too."""
EXPORTED = "siamattn", "siammot-emm", "siammotion-n", "siammt"
"""Engines that ship as graphs, too; those that are left out run as these do."""
OURS = (*ENGINES, *(f"{name}{BY_GRAPHS}" for name in EXPORTED))
CONTRACT_NAMES = (os.environ["MVOT_ENGINE"],) if "MVOT_ENGINE" in os.environ else OURS
"""The engines that the contract is tested with."""


def is_foreign(name):
    """Whether an engine is of another package, or of a module."""
    return name.removesuffix(BY_GRAPHS) not in ENGINES


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
    if is_foreign(name):
        return load_foreign(name)
    if name.endswith(BY_GRAPHS):
        return narrow_graphs(name.removesuffix(BY_GRAPHS))
    if name == "nanotrack":
        return small_engine()
    if name in siamfc.PRESETS:
        return narrow_correlation(name)
    return narrow_engine(name=name) if ENGINES[name].network else load_engine(name)


@cache
def load_foreign(name):
    """An engine of another package, or of a module, whose factory is called as if it were."""
    if ":" not in name:
        return load_engine(name)
    return pkgutil.resolve_name(name)(weights="auto", device="auto", precision="auto")


NARROW = (16, 32, 32, 32, 32)
"""Few channels for the backbone of SiamFC's family."""
NARROW_PRESETS = (
    (siamfc, {"channels": NARROW}),
    (siammotion, {"width": 32, "backbone_width": 16}),
    (light, SMALL),
    (siammot, {"width": 16, "hidden": 32}),
    (imsiam, {"width": 16, "calibration": (1.0, 4.0)}),
    (siamattn, {"width": 16, "hidden": 32, "mask_width": 8, "early_width": 4}),
)
"""The modules with presets, and few channels for each one's networks."""
LIGHT = ENGINES["siammotion-n"]
LIVELY = replace(LIGHT.network, module="helpers.small_light", name="build_lively_network")
"""What makes the network of `siammotion-n` where its weights are random."""


@contextmanager
def narrow_preset(name, **config):
    """An engine's preset with few channels, while a ``with`` lasts; without a warning of it."""
    ((presets, widths),) = (
        (m.PRESETS, widths) for m, widths in NARROW_PRESETS if name in m.PRESETS
    )
    narrow = {name: replace(presets[name], **{**widths, **config})}
    engines = {**ENGINES, "siammotion-n": replace(LIGHT, network=LIVELY)}
    lively = patch.object(torch_loading, "ENGINES", engines)
    with patch.dict(presets, narrow), lively, warnings.catch_warnings():
        warnings.simplefilter("ignore", UntrainedWeights)
        yield


@cache
def narrow_graphs(name, **config):
    """The engine that ``narrow_engine`` or ``narrow_correlation`` gives, as exported graphs."""
    with narrow_preset(name, **config):
        functions, _ = load_functions(name, "random")
    kind = ENGINES[name].network.kind
    with TemporaryDirectory() as folder:
        export_functions(functions.eval(), Path(folder), kind=kind, record={})
        return load_engine(name, weights=folder, threads=1)


def narrow_correlation(name, precision="fp32", **config):
    """An engine of SiamFC's family with few channels and seeded random weights."""
    with narrow_preset(name, **config):
        return load_engine(name, weights="random", device="cpu", precision=precision)


def narrow_engine(precision="fp32", device="cpu", name="siammotion", **config):
    """An engine of SiamMOTION with few channels and seeded random weights."""
    with narrow_preset(name, **config):
        return load_engine(name, weights="random", device=device, precision=precision)


@cache
def shipped_engine(name):
    """The engine as it ships, in single precision on the CPU."""
    if is_foreign(name):
        return load_foreign(name)
    if name == "nanotrack":
        return published_engine()
    precision = "auto" if name in WITHOUT_A_NETWORK else "fp32"
    runtime = "onnx" if name.endswith(BY_GRAPHS) else "torch"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UntrainedWeights)
        return load_engine(
            name.removesuffix(BY_GRAPHS), device="cpu", precision=precision, runtime=runtime
        )


def trained_engine(name):
    """The engine as it ships; where it has no trained weights yet, the test is skipped."""
    engine = shipped_engine(name)
    if not getattr(engine, "trained", True):
        pytest.skip(f"engine {name!r} ships no trained weights yet")
    return engine


def with_way(engine, way):
    """The engine with all features out of parts of the frame, or out of crops."""
    return replace(engine, extraction=replace(engine.extraction, way=way))


def without_interaction(engine):
    """The engine, in which no target depends on the others of its frame.

    It has no distractor masks, SiamMT does not rescale the frame for the median target, and none
    chooses between parts of the frame and crops by how many targets there are. (What a network
    sees in a part depends a little on where that ends.)
    """
    if isinstance(engine, NanoTrackEngine):
        alone = replace(engine.selection, distractor=0.0)
        return with_way(replace(engine, selection=alone), "parts")
    if isinstance(engine, SiamMTEngine):
        fixed_scale = FrameScale(smallest=1.0, wanted=1.0, largest=1e4, pixels=float("inf"))
        return replace(engine, scale=fixed_scale)
    if isinstance(engine, SiameseEngine):
        return with_way(engine, "crops" if engine.network.config.has_squares else "parts")
    if not hasattr(engine, "penalisation"):
        return engine
    penalisation = replace(engine.penalisation, distractor=0.0)
    return with_way(replace(engine, penalisation=penalisation), "crops")


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

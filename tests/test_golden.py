"""Regression test of tracking quality on synthetic scenes: no score may fall below golden.json.

``MVOT_GOLDEN=write pytest tests/test_golden.py`` stores the scores that have risen.
"""

import json
import os
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from helpers.synthetic import without_shape_checks
from mvot_benchmarks.metrics.ground_truth import GroundTruthFrame
from mvot_benchmarks.metrics.scoring import Scorer
from mvot_benchmarks.vot import VotSequence, evaluate
from mvot_pipelines.pipeline import MotPipeline
from mvot_plugin.engines import load_engine
from mvot_synthetic import NoisyDetector, street

GOLDEN = Path(__file__).with_name("golden.json")
NETWORKS = "imsiam", "siamattn", "siammot-emm", "siammot-imm", "siammotion-n", "siammt"
SLACK = {"hold": 0.001, "kalman": 0.001} | dict.fromkeys(("lk-flow", *NETWORKS), 0.02)
"""How far a score may fall below the stored one: processors round differently."""
ROBUSTNESS_SLACK = 0.05
"""The same for the robustness of the engines of large slack: a single failure weighs more."""
SEEDS = (
    dict.fromkeys(("hold", "kalman", "lk-flow"), range(7, 27))
    | dict.fromkeys(NETWORKS, range(7, 8))
    | dict.fromkeys(("siammotion-n", "siammt"), range(7, 10))
)
"""Seeds of the scenes: on a single one an identity switch would cost several points. Networks take
longer, so they see fewer."""


@pytest.fixture(autouse=True, scope="module")
def fast():
    """The shapes of arrays are checked by all other tests."""
    with without_shape_checks():
        yield


@cache
def create_scene(seed, length):
    """A synthetic scene, and its frames."""
    scene = street(
        seed, size=(480, 360), frames=length, frame_rate=12.0, walkers=8, vehicles=2, cyclists=1
    )
    return scene, tuple(scene)


def load_fp32_engine(name):
    """The engine in single precision, in which processors differ least."""
    return load_engine(name, device="cpu", precision="fp32")


def score_motion(name):
    """The engine without a detector, scored as by `mvot-bench vot`."""
    scene, frames = create_scene(SEEDS[name][0], 60)
    ids = sorted({n for i in range(len(scene)) for n in scene.ground_truth(i).id.tolist()})
    ground_truth = np.full((len(scene), len(ids), 4), np.nan, np.float32)
    for index, row in enumerate(ground_truth):
        objects = scene.ground_truth(index)
        visible = objects.visibility >= 0.5
        row[np.searchsorted(ids, objects.id[visible])] = objects.xyxy[visible]
    score = evaluate(load_fp32_engine(name), VotSequence(frames=frames, ground_truth=ground_truth))
    return {key: getattr(score, key) for key in ("accuracy", "robustness", "mean_iou")}


def score_pipeline(name):
    """The pipeline with a noisy detector on every 5th frame, scored as by `mvot-bench mot`."""
    scores = [score_scene(name, *create_scene(seed, 30)) for seed in SEEDS[name]]
    keys = ("mota", "idf1", "hota")
    return {key: float(np.mean([getattr(one, key) for one in scores])) for key in keys}


def score_scene(name, scene, frames):
    detector = NoisyDetector(scene)
    scorer = Scorer()
    for frame, tracks in MotPipeline(detector, load_fp32_engine(name), 5).run(frames):
        objects = scene.ground_truth(frame.index)
        hidden = objects.visibility < 0.25
        scorer.add(GroundTruthFrame(id=objects.id, xyxy=objects.xyxy, ignored=hidden), tracks)
    return scorer.scores()


@pytest.mark.parametrize("name", SLACK)
def test_quality_never_falls(name):
    golden = json.loads(GOLDEN.read_text())
    stored = golden.get(name, {})
    measured = {
        key: round(value, 4) for key, value in (score_motion(name) | score_pipeline(name)).items()
    }
    if os.environ.get("MVOT_GOLDEN") == "write":
        golden[name] = {key: max(value, stored.get(key, value)) for key, value in measured.items()}
        GOLDEN.write_text(json.dumps(golden, indent=1) + "\n")
        return
    slack = dict.fromkeys(measured, SLACK[name])
    if SLACK[name] > 0.01:
        slack["robustness"] = ROBUSTNESS_SLACK
    assert stored.keys() == measured.keys()
    fallen = {
        key: (stored[key], measured[key])
        for key in measured
        if measured[key] < stored[key] - slack[key]
    }
    assert not fallen, f"{name}: quality fell (before, now)"

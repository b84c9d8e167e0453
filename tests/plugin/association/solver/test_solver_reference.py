"""The solver against the paper's text with lists and loops, on random motions and detections."""

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from helpers.plugin.associations import BLANK_IMAGE, SolvedTargets, person
from helpers.plugin.paper_solver import PaperSolver
from mvot_plugin.types import Detections

SIZE = BLANK_IMAGE.shape[1], BLANK_IMAGE.shape[0]
PLACES = [person(left) for left in (-10, 40, 90, 130, 600)]
MOST = 3
"""Setting of ``max_detections``: twice as many targets."""


def draw_boxes(rng, near):
    """Boxes near others, in pixels."""
    near = np.asarray(near, np.float64).reshape(-1, 4)
    return (near + np.tile(rng.normal(0, 7, (len(near), 2)), 2)).astype(np.float32)


def draw_motion(rng, boxes):
    """Most targets move a little; some leap to a place, or out of the image."""
    leap = rng.random(len(boxes))
    near = [
        PLACES[rng.integers(5)] if one < 0.1 else person(650) if one < 0.13 else box
        for one, box in zip(leap, boxes, strict=True)
    ]
    return draw_boxes(rng, near), rng.uniform(0, 1, len(boxes)).astype(np.float32) ** 0.6


def draw_detections(rng, boxes):
    """Detections of some targets and places, in a scale of their own, of two classes."""
    shown = [box for box in (*PLACES, *boxes) if rng.random() < 0.5][:6]
    return Detections.of(
        draw_boxes(rng, shown),
        confidence=4 * rng.uniform(0, 1, len(shown)).astype(np.float32),
        class_id=rng.choice([0, 0, 0, 1], len(shown)),
    )


def run_both(seed, steps):
    """Asserts on each frame that both solvers agree; counts what has happened."""
    rng, targets = np.random.default_rng(seed), SolvedTargets(most=MOST)
    reference, time, counts = PaperSolver(SIZE, 2 * MOST), 0.0, Counter()
    for _ in range(steps):
        lost = {one.id for one in reference.trajectories if not one.reported}
        before = set(targets.ids.tolist())
        targets.boxes, visibilities = draw_motion(rng, targets.boxes)
        motion = targets.boxes.tolist(), visibilities.tolist()
        found = draw_detections(rng, targets.boxes) if rng.random() < 0.5 else None
        rows = None
        if found is not None:
            columns = found.xyxy, found.confidence, found.class_id
            rows = list(zip(*(column.tolist() for column in columns), strict=True))
        reported = targets.step(time, found, visibilities)
        reference.step(time, *motion, rows)
        assert targets.ids.tolist() == [one.id for one in reference.trajectories]
        assert targets.boxes.tolist() == [one.box for one in reference.trajectories]
        assert reported == [one.id for one in reference.trajectories if one.reported]
        if found is not None:
            assert targets.merge.left_out == reference.left_out
            counts["taken"] += len(targets.merge.match.targets)
            counts["left out"] += reference.left_out
        counts["killed"] += len(before - set(targets.ids.tolist()))
        counts["re-instated"] += len(lost & set(reported))
        time += rng.choice([0.0, 0.04, 0.2, 0.5])
    return counts


@given(st.integers(0, 2**32 - 1))
def test_the_solver_does_what_the_paper_says(seed):
    run_both(seed, steps=20)


def test_the_random_sequences_have_all_that_may_happen():
    counts = sum((run_both(seed, steps=60) for seed in range(5)), Counter())
    assert min(counts[name] for name in ("taken", "left out", "killed", "re-instated")) > 20

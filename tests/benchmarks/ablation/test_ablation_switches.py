"""`mvot-bench ablation` without weights: parts of siammotion-n, switched off while it tracks."""

import numpy as np
import pytest

from mvot_benchmarks.ablation import LIGHT_ROWS, format_table, switch_parts
from mvot_benchmarks.vot import VotScore
from mvot_plugin.engines.siammotion import SiamMotionEngine


@pytest.fixture(scope="module")
def engines() -> dict[str, SiamMotionEngine]:
    return switch_parts("cpu", "fp32")


def _track(engine: SiamMotionEngine) -> tuple[np.ndarray, np.ndarray]:
    """Two targets on two frames of one texture, which moves."""
    rng = np.random.default_rng(0)
    image = np.kron(rng.integers(0, 256, (24, 32, 3)), np.ones((10, 10, 1))).astype(np.uint8)
    boxes = np.array([[40, 50, 80, 130], [180, 90, 240, 150]], np.float32)
    targets = engine.enroll(engine.observe(image), boxes)
    moved = engine.observe(np.roll(image, (4, 6), axis=(0, 1)))
    targets, _ = engine.track(moved, targets)
    _, motion = engine.track(moved, targets)
    return motion.boxes, motion.scores


def test_there_is_a_row_for_each_part(engines: dict[str, SiamMotionEngine]) -> None:
    assert list(LIGHT_ROWS) == ["all parts", *(f"without {part}" for part in "FRAPIV")]
    assert list(engines) == list(LIGHT_ROWS.values())
    whole = engines["FRAPIV"]
    assert all(engine.trained for engine in engines.values())
    assert whole.network.module.network.attention is not None


@pytest.mark.parametrize("part", list("FRAV"))
def test_a_part_of_the_network_that_is_off_changes_the_answers(
    part: str, engines: dict[str, SiamMotionEngine]
) -> None:
    whole, without = (engines["FRAPIV".replace(off, "")] for off in ("", part))
    (boxes, scores), (other_boxes, other_scores) = _track(whole), _track(without)
    changes_boxes, changes_scores = (boxes != other_boxes).any(), (scores != other_scores).any()
    assert changes_boxes or changes_scores
    if part == "V":
        assert (other_scores != scores).all()


def test_without_penalties_and_inertia_the_engine_is_set(
    engines: dict[str, SiamMotionEngine],
) -> None:
    without = engines["FRAIV"]
    assert (without.penalisation.distractor, without.penalisation.erosion) == (0.0, False)
    assert without.exclusive == 0.0
    assert engines["FRAPV"].stand_in == "last box"


def test_the_table_says_what_each_part_is_worth() -> None:
    def score(value: float) -> VotScore:
        counts = dict.fromkeys(("failures", "frames", "valid", "followed", "steps"), 1)
        means = ("accuracy", "robustness", "mean_iou", "success", "auc", "milliseconds")
        return VotScore(**counts, **dict.fromkeys(means, value))

    lines = format_table({"FRAPIV": [score(0.5)], "FRAPI": [score(0.25)]}).splitlines()
    assert lines[2:] == [
        "| all parts | 0.500 |  | 0.500 |  | 0.500 |  |",
        "| without V | 0.250 | -0.250 | 0.250 | -0.250 | 0.250 | -0.250 |",
    ]

"""`mvot-bench ablation --engine siamattn`: parts of SiamAttn, switched off while it tracks."""

import numpy as np
import pytest

from mvot_benchmarks.ablation import ATTN_ROWS, format_table, switch_attention
from mvot_benchmarks.cli import main
from mvot_benchmarks.vot import VotScore
from mvot_plugin.engines.siamese import SiamAttnEngine


@pytest.fixture(scope="module")
def engines() -> dict[str, SiamAttnEngine]:
    return switch_attention("cpu", "fp32")


def _track(engine: SiamAttnEngine) -> tuple[np.ndarray, np.ndarray | None]:
    """The boxes and masks of two targets on a texture that moves."""
    rng = np.random.default_rng(0)
    image = np.kron(rng.integers(0, 256, (24, 32, 3)), np.ones((10, 10, 1))).astype(np.uint8)
    boxes = np.array([[40, 50, 80, 130], [180, 90, 240, 150]], np.float32)
    targets = engine.enroll(engine.observe(image), boxes)
    targets, motion = engine.track(engine.observe(np.roll(image, (4, 6), axis=(0, 1))), targets)
    return motion.boxes, targets.masks


def test_there_is_a_row_for_each_part(engines: dict[str, SiamAttnEngine]) -> None:
    assert list(engines) == list(ATTN_ROWS.values()) == ["MSCD", "SCD", "MCD", "MSD", "MSC"]


@pytest.mark.parametrize("part", list("MSCD"))
def test_a_part_that_is_off_changes_the_boxes(
    part: str, engines: dict[str, SiamAttnEngine]
) -> None:
    whole, without = (_track(engines["MSCD".replace(off, "")]) for off in ("", part))
    assert (whole[0] != without[0]).any()
    assert (without[1] is None) == (part == "M")


def test_the_table_has_the_rows_of_the_paper() -> None:
    counts = dict.fromkeys(("failures", "frames", "valid", "followed", "steps"), 1)
    means = ("accuracy", "robustness", "mean_iou", "success", "auc", "milliseconds")
    scores = {
        parts: [VotScore(**counts, **dict.fromkeys(means, value))]
        for parts, value in zip(ATTN_ROWS.values(), (0.5, 0.4, 0.6, 0.5, 0.5), strict=True)
    }
    lines = format_table(scores).splitlines()
    assert [line.split(" | ")[0] for line in lines[2:]] == [f"| {name}" for name in ATTN_ROWS]
    assert lines[3].count("-0.100") == 3
    assert lines[4].count("+0.100") == 3


def test_weights_are_of_siammotion_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ablation", "nowhere", "--engine", "siamattn", "--weights", "a.safetensors"]) == 2
    assert "--weights is of siammotion, and excludes --engine" in capsys.readouterr().err

"""``mvot-bench vot``: all objects of a sequence tracked from ground truth, without a detector.

VOT's supervised protocol for many targets (SiamMT 4.2, SiamMOTION 4.2), without a clock or, as
VOT-RT, with one. Each object of a video counts as a sequence of its own; all are tracked in one
batch.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice, takewhile
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32
from numpy.typing import ArrayLike

from mvot_benchmarks import datasets
from mvot_benchmarks.metrics.ranking import area_under_curve
from mvot_benchmarks.vot_protocol import ObservedFrame, VotRun
from mvot_plugin.engines.base import MotionEngine
from mvot_plugin.types import XYXY, Frame

__all__ = [
    "VotScore",
    "VotSequence",
    "evaluate",
    "format_table",
    "pool_vot_scores",
    "read_vot_sequence",
]

SENSITIVITY = 30
"""The factor of the share of failed frames in the robustness."""
RIGHT_IOU = 0.5
"""The least IoU of a right box with the ground truth."""
_WARM_UP = 3
"""Frames that are tracked once before the clock starts: a network's first calls are slower."""


@dataclass(frozen=True, kw_only=True, eq=False)
class VotSequence:
    """The frames of a sequence and their ground truth."""

    frames: Iterable[Frame]
    """Iterated once for each evaluation; ``Frame.index`` is the row in ``ground_truth``."""
    ground_truth: Float32[XYXY, "frames objects"]
    """NaN where an object is not visible."""


@dataclass(frozen=True, kw_only=True)
class VotScore:
    """How well an engine tracks objects; shares are in 0..1, NaN where nothing was counted.

    With re-initialisation: an object whose overlap with its ground truth is 0 has failed, and is
    started again from the ground truth 5 frames later, or as soon after that as it is visible.
    In one pass: objects are started once.
    """

    accuracy: float
    """With re-initialisation: the mean IoU over the ``valid`` object-frames."""
    robustness: float
    """exp(-30 * failures / frames) of each object, in the mean weighted by its frames."""
    failures: int
    frames: int
    """All object-frames with ground truth."""
    valid: int
    """Object-frames, without first ones, failures, and 10 frames from a re-initialisation."""
    mean_iou: float
    """In one pass: over the ``followed`` object-frames, as are ``success`` and ``auc``."""
    success: float
    """The share of IoU above 0.5."""
    followed: int
    """Object-frames, without the first one of each object."""
    milliseconds: float
    """To observe and track a frame, with re-initialisation: the median over ``steps``."""
    steps: int
    """Processed video frames with targets."""
    auc: float = math.nan
    """How well scores tell boxes of an IoU of 0.5 or more from others: the area under the curve.
    Results that were stored before it was measured have none."""


_WEIGHT_OF = {
    "accuracy": "valid",
    "robustness": "frames",
    "mean_iou": "followed",
    "success": "followed",
    "auc": "followed",
    "milliseconds": "steps",
}
"""The count that each mean is over."""


def read_vot_sequence(folder: str | Path, limit: int | None = None) -> VotSequence:
    """Read a sequence of any data set, with its first ``limit`` frames decoded into memory.

    Raises ``InputError`` as ``datasets.open_sequence`` does, and where there are no frames.
    """
    sequence = datasets.open_sequence(folder)
    ground_truth = sequence.visible_boxes()[:limit]
    with sequence.open() as source:
        frames = tuple(islice(source, len(ground_truth)))
    return VotSequence(frames=frames, ground_truth=ground_truth)


def evaluate(
    engine: MotionEngine[Any, Any],
    sequence: VotSequence | str | Path,
    limit: int | None = None,
    fps: float | None = None,
) -> VotScore:
    """Track all objects of a sequence over its first ``limit`` frames, and score the boxes.

    Both protocols share one observation of each frame. Frames arrive at ``fps``, with a clock for
    each protocol, or wait for the engine (None). A folder may be of any data set that
    ``datasets.open_sequence`` reads, and raises what that does; it is decoded one frame at a time.
    """
    if isinstance(sequence, VotSequence):
        return _run_protocols(engine, sequence.frames, sequence.ground_truth[:limit], fps)
    if fps is not None:
        _warm_up(engine, read_vot_sequence(sequence, _WARM_UP))
    opened = datasets.open_sequence(sequence)
    with opened.open() as source:
        return _run_protocols(engine, source, opened.visible_boxes()[:limit], fps)


def pool_vot_scores(scores: Sequence[VotScore]) -> VotScore:
    """Score several sequences as one: each mean is over the object-frames of all."""
    columns = {name: [getattr(one, name) for one in scores] for name in VotScore.__annotations__}
    means = {name: _mean(columns[name], columns[count]) for name, count in _WEIGHT_OF.items()}
    counts = {name: sum(columns[name]) for name in columns if name not in means}
    return VotScore(**means, **counts)  # type: ignore[arg-type]


def format_table(results: Sequence[tuple[str, str, VotScore]]) -> str:
    """A Markdown table of (sequence, engine, score) for each sequence, and for all together."""
    rows: dict[str, dict[str, list[VotScore]]] = {}
    if len({sequence for sequence, *_ in results}) > 1:
        results = [*results, *(("all together", engine, score) for _, engine, score in results)]
    for sequence, engine, score in results:
        rows.setdefault(sequence, {}).setdefault(engine, []).append(score)
    return "\n\n".join(_format_sequence(sequence, engines) for sequence, engines in rows.items())


def _format_sequence(name: str, engines: dict[str, list[VotScore]]) -> str:
    names = ("accuracy", "robustness", "failures", "mean IoU", "success", "AUC", "ms/frame")
    lines = [f"| {name} | {' | '.join(names)} |", f"| --- |{' --- |' * len(names)}"]
    for engine, scores in engines.items():
        score = pool_vot_scores(scores)
        lines.append(
            f"| {engine} | {score.accuracy:.3f} | {score.robustness:.3f} | {score.failures} | "
            f"{score.mean_iou:.3f} | {score.success:.3f} | {_format(score.auc)} | "
            f"{score.milliseconds:.1f} |"
        )
    return "\n".join(lines)


def _format(share: float) -> str:
    return "" if math.isnan(share) else f"{share:.3f}"


def _run_protocols(
    engine: MotionEngine[Any, Any],
    frames: Iterable[Frame],
    ground_truth: Float32[XYXY, "frames objects"],
    fps: float | None,
) -> VotScore:
    """Run both protocols over the frames that have ground truth."""
    supervised = VotRun(engine, ground_truth, reinitialize=True, fps=fps)
    one_pass = VotRun(engine, ground_truth, reinitialize=False, fps=fps)
    length = 0
    for frame in takewhile(lambda frame: frame.index < len(ground_truth), frames):
        observed = ObservedFrame(engine, frame)
        supervised.step(observed)
        one_pass.step(observed)
        length = frame.index + 1
    return _compute_score(supervised, one_pass, length)


def _warm_up(engine: MotionEngine[Any, Any], sequence: VotSequence) -> None:
    """Run the engine once without a clock."""
    _run_protocols(engine, sequence.frames, sequence.ground_truth, None)


def _compute_score(supervised: VotRun, one_pass: VotRun, length: int) -> VotScore:
    """The score over the ``length`` frames that the video had."""
    costs = supervised.seconds
    frames, failures = supervised.visible[:length].sum(0), (supervised.overlap == 0).sum(0)
    valid = supervised.overlap[supervised.valid]
    is_followed = ~np.isnan(one_pass.overlap)
    followed = one_pass.overlap[is_followed]
    is_scored = is_followed & ~np.isnan(one_pass.confidence)
    robustness = np.exp(-SENSITIVITY * failures / np.maximum(frames, 1))
    return VotScore(
        accuracy=_mean(valid),
        robustness=_mean(robustness, frames),
        failures=int(failures.sum()),
        frames=int(frames.sum()),
        valid=len(valid),
        mean_iou=_mean(followed),
        success=_mean(followed > 0.5),
        auc=area_under_curve(
            one_pass.confidence[is_scored], one_pass.overlap[is_scored] >= RIGHT_IOU
        ),
        followed=len(followed),
        milliseconds=1e3 * float(np.median(costs)) if costs else math.nan,
        steps=len(costs),
    )


def _mean(values: ArrayLike, weights: ArrayLike = 1) -> float:
    """The weighted mean of the values that are not NaN; NaN of none, or where no weight is left."""
    values, weights = np.broadcast_arrays(np.asarray(values, np.float64), weights)
    has_weight = (weights > 0) & ~np.isnan(values)
    if not has_weight.any():
        return math.nan
    return float(np.average(values[has_weight], weights=weights[has_weight]))

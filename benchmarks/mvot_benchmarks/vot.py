"""``mvot-bench vot``: all objects of a sequence followed at once from ground truth, no detector.

VOT's supervised protocol for many targets (SiamMT 4.2, SiamMOTION 4.2), without a clock or, as
VOT-RT, with one: every object of a video counts as a sequence of its own, and all are tracked in
one batch.
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
from mvot_benchmarks.following import Following, Look
from mvot_plugin.engines.base import MotionEngine
from mvot_plugin.types import Frame

__all__ = ["Clip", "VotScore", "evaluate", "pooled", "read_clip", "table"]

SENSITIVITY = 30
"""Of the robustness, to the share of frames with a failure."""
_WARM_UP = 3
"""Frames that are followed once before a clock runs."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Clip:
    """A sequence to score on: frames, which are iterated once an evaluation, and their truth.

    ``truth`` is (frames, objects, 4) xyxy, NaN where an object is not visible; ``Frame.index``
    says which of its rows a frame is.
    """

    frames: Iterable[Frame]
    truth: Float32[np.ndarray, "frames objects 4"]


@dataclass(frozen=True, kw_only=True)
class VotScore:
    """How well an engine follows objects; shares are in 0..1, NaN where nothing counted.

    With re-initialisation: an object without any overlap with its truth has failed, and starts
    anew from the truth 5 frames later, or as soon after that as it is visible. ``frames`` are all
    object-frames with truth. ``robustness`` is exp(-30 * failures / frames) of each object, in the
    mean weighted by the object's frames; ``accuracy`` is the mean IoU of the ``valid``
    object-frames: no first ones, no failures, none before a re-initialisation is 10 frames old.

    In one pass, without it: ``mean_iou`` and ``success`` (the share of IoU above 0.5) are over the
    ``followed`` object-frames, all but the first of each object. ``milliseconds`` is the median,
    over ``steps`` video frames with targets, of observing and tracking with re-initialisation.
    """

    accuracy: float
    robustness: float
    failures: int
    frames: int
    valid: int
    mean_iou: float
    success: float
    followed: int
    milliseconds: float
    steps: int


_COUNT_OF = {
    "accuracy": "valid",
    "robustness": "frames",
    "mean_iou": "followed",
    "success": "followed",
    "milliseconds": "steps",
}


def read_clip(folder: str | Path, limit: int | None = None) -> Clip:
    """A sequence of any data set with its first ``limit`` frames decoded into memory.

    Raises ``InputError`` as ``datasets.open_sequence`` does, and where there are no frames.
    """
    sequence = datasets.open_sequence(folder)
    truth = sequence.boxes()[:limit]
    with sequence.open() as source:
        frames = tuple(islice(source, len(truth)))
    return Clip(frames=frames, truth=truth)


def evaluate(
    engine: MotionEngine[Any, Any],
    sequence: Clip | str | Path,
    limit: int | None = None,
    fps: float | None = None,
) -> VotScore:
    """Follow all objects of a clip, or of a sequence folder, over its first ``limit`` frames.

    Both protocols run over one observation of each frame. Frames come at ``fps``, each with a clock
    of its own, or wait (None). A folder may have the layout of any data set that
    ``datasets.open_sequence`` knows, and raises what that does; it is decoded as it goes, one frame
    in memory at a time.
    """
    if isinstance(sequence, Clip):
        return _follow(engine, sequence.frames, sequence.truth[:limit], fps)
    if fps is not None:
        _warm_up(engine, read_clip(sequence, _WARM_UP))
    opened = datasets.open_sequence(sequence)
    with opened.open() as source:
        return _follow(engine, source, opened.boxes()[:limit], fps)


def pooled(scores: Sequence[VotScore]) -> VotScore:
    """Several sequences as one: each figure is the mean over all the object-frames behind it."""
    columns = {name: [getattr(one, name) for one in scores] for name in VotScore.__annotations__}
    figures = {name: _mean(columns[name], columns[count]) for name, count in _COUNT_OF.items()}
    counts = {name: sum(columns[name]) for name in columns if name not in figures}
    return VotScore(**figures, **counts)  # type: ignore[arg-type]


def table(results: Sequence[tuple[str, str, VotScore]]) -> str:
    """A Markdown table of (sequence, engine, score) for each sequence, and for all together."""
    rows: dict[str, dict[str, list[VotScore]]] = {}
    if len({sequence for sequence, *_ in results}) > 1:
        results = [*results, *(("all together", engine, score) for _, engine, score in results)]
    for sequence, engine, score in results:
        rows.setdefault(sequence, {}).setdefault(engine, []).append(score)
    return "\n\n".join(_table_of(sequence, engines) for sequence, engines in rows.items())


def _table_of(name: str, engines: dict[str, list[VotScore]]) -> str:
    names = ("accuracy", "robustness", "failures", "mean IoU", "success", "ms/frame")
    lines = [f"| {name} | {' | '.join(names)} |", f"| --- |{' --- |' * len(names)}"]
    for engine, scores in engines.items():
        one = pooled(scores)
        lines.append(
            f"| {engine} | {one.accuracy:.3f} | {one.robustness:.3f} | {one.failures} | "
            f"{one.mean_iou:.3f} | {one.success:.3f} | {one.milliseconds:.1f} |"
        )
    return "\n".join(lines)


def _follow(
    engine: MotionEngine[Any, Any],
    frames: Iterable[Frame],
    truth: Float32[np.ndarray, "frames objects 4"],
    fps: float | None,
) -> VotScore:
    """Run both protocols over the frames that have truth."""
    supervised = Following(engine, truth, restarts=True, fps=fps)
    once = Following(engine, truth, restarts=False, fps=fps)
    seen = 0
    for frame in takewhile(lambda frame: frame.index < len(truth), frames):
        look = Look(engine, frame)
        supervised.step(look)
        once.step(look)
        seen = frame.index + 1
    return _score(supervised, once, seen)


def _warm_up(engine: MotionEngine[Any, Any], clip: Clip) -> None:
    """What a network does on its first calls only, it does before the clock runs."""
    _follow(engine, clip.frames, clip.truth, None)


def _score(supervised: Following, once: Following, seen: int) -> VotScore:
    """The figures, over the ``seen`` frames that the video had."""
    costs = supervised.seconds
    frames, failures = supervised.visible[:seen].sum(0), (supervised.overlap == 0).sum(0)
    valid = supervised.overlap[supervised.valid]
    followed = once.overlap[~np.isnan(once.overlap)]
    robustness = np.exp(-SENSITIVITY * failures / np.maximum(frames, 1))
    return VotScore(
        accuracy=_mean(valid),
        robustness=_mean(robustness, frames),
        failures=int(failures.sum()),
        frames=int(frames.sum()),
        valid=len(valid),
        mean_iou=_mean(followed),
        success=_mean(followed > 0.5),
        followed=len(followed),
        milliseconds=1e3 * float(np.median(costs)) if costs else math.nan,
        steps=len(costs),
    )


def _mean(values: ArrayLike, weights: ArrayLike = 1) -> float:
    """The weighted mean; values of no weight may be NaN, and the mean of nothing is."""
    values, weights = np.broadcast_arrays(np.asarray(values, np.float64), weights)
    some = weights > 0
    return float(np.average(values[some], weights=weights[some])) if some.any() else math.nan

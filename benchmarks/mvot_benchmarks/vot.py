"""``mvot-bench vot``: all objects of a sequence followed at once from ground truth, no detector.

VOT's supervised protocol for many targets (SiamMT 4.2, SiamMOTION 4.2), without its clock: every
object of a video counts as a sequence of its own, and all are tracked in one batch.
"""

import math
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice, takewhile
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float32
from numpy.typing import ArrayLike

from mvot_benchmarks import datasets
from mvot_plugin.engines.base import MotionEngine, Targets
from mvot_plugin.ops.boxes import iou
from mvot_plugin.types import Frame

__all__ = ["Clip", "VotScore", "evaluate", "pooled", "read_clip", "table"]

AWAY = 5
"""Frames from a failure to the re-initialisation."""
BURN_IN = 10
"""Frames from a re-initialisation, itself included, that do not count for the accuracy."""
SENSITIVITY = 30
"""Of the robustness, to the share of frames with a failure."""


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
    engine: MotionEngine[Any, Any], sequence: Clip | str | Path, limit: int | None = None
) -> VotScore:
    """Follow all objects of a clip, or of a sequence folder, over its first ``limit`` frames.

    Both protocols run over one observation of each frame. A folder may have the layout of any data
    set that ``datasets.open_sequence`` knows, and raises what that does; it is decoded as it goes,
    one frame in memory at a time.
    """
    if isinstance(sequence, Clip):
        return _follow(engine, sequence.frames, sequence.truth[:limit])
    opened = datasets.open_sequence(sequence)
    with opened.open() as source:
        return _follow(engine, source, opened.boxes()[:limit])


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
) -> VotScore:
    """Run both protocols over the frames that have truth."""
    supervised, once = _Pass(engine, truth), _Pass(engine, truth)
    costs, seen = [], 0
    for frame in takewhile(lambda frame: frame.index < len(truth), frames):
        start = time.perf_counter()
        observation = engine.observe(frame)
        if supervised.track(observation, frame.index):
            costs.append(1e3 * (time.perf_counter() - start))
        supervised.drop_failures(frame.index)
        once.track(observation, frame.index)
        supervised.enroll(observation, frame.index)
        once.enroll(observation, frame.index)
        seen = frame.index + 1
    return _score(supervised, once, costs, seen)


class _Pass:
    """Targets on their way; ``overlap`` (frames, objects) is NaN where untracked or not visible.

    ``valid`` says which of it counts for the accuracy.
    """

    def __init__(
        self, engine: MotionEngine[Any, Any], truth: Float32[np.ndarray, "frames objects 4"]
    ) -> None:
        self._engine, self._truth = engine, truth
        self.visible = ~np.isnan(truth).any(2)
        self.overlap = np.full(self.visible.shape, np.nan)
        self.valid = np.zeros_like(self.visible)
        length, count = self.visible.shape
        self._last = np.where(self.visible, np.arange(length)[:, None], -1).max(0, initial=-1)
        self._due, self._valid_from = np.zeros((2, count), np.int64)
        self._targets: Targets | None = None
        self._objects = np.empty(0, np.int64)

    def track(self, observation: Any, index: int) -> bool:
        """Move the targets that are not over onto a frame; false if there are none."""
        self._keep(self._last[self._objects] >= index)
        if self._targets is None or not len(self._targets):
            return False
        self._targets, motion = self._engine.track(observation, self._targets)
        seen = self.visible[index, self._objects]
        objects = self._objects[seen]
        shared = np.nan_to_num(iou(motion.boxes[seen], self._truth[index, objects]).diagonal())
        self.overlap[index, objects] = shared
        self.valid[index, objects] = (shared > 0) & (index >= self._valid_from[objects])
        return True

    def drop_failures(self, index: int) -> None:
        """Give up the targets without overlap, until they are due again."""
        failed = self.overlap[index, self._objects] == 0
        self._due[self._objects[failed]] = index + AWAY
        self._keep(~failed)

    def enroll(self, observation: Any, index: int) -> None:
        """Start the objects that are due and visible from their truth."""
        objects = np.flatnonzero(self.visible[index] & (self._due <= index))
        if not len(objects):
            return
        self._valid_from[objects] = np.where(self._due[objects] > 0, index + BURN_IN, 0)
        self._due[objects] = len(self._truth)
        new = self._engine.enroll(observation, self._truth[index, objects])
        self._targets = new if self._targets is None else Targets.cat([self._targets, new])
        self._objects = np.concatenate([self._objects, objects])

    def _keep(self, rows: Bool[np.ndarray, " n"]) -> None:
        if self._targets is not None and not rows.all():
            self._targets, self._objects = self._targets[rows], self._objects[rows]


def _score(supervised: _Pass, once: _Pass, costs: Sequence[float], seen: int) -> VotScore:
    """The figures, over the ``seen`` frames that the video had."""
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
        milliseconds=float(np.median(costs)) if costs else math.nan,
        steps=len(costs),
    )


def _mean(values: ArrayLike, weights: ArrayLike = 1) -> float:
    """The weighted mean; values of no weight may be NaN, and the mean of nothing is."""
    values, weights = np.broadcast_arrays(np.asarray(values, np.float64), weights)
    some = weights > 0
    return float(np.average(values[some], weights=weights[some])) if some.any() else math.nan

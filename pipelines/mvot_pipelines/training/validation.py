"""How well a network in training tracks, judged by the benchmark's own tracker and protocol."""

from collections.abc import Callable, Collection, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from torch import nn

from mvot_benchmarks.vot import Clip, evaluate, read_clip
from mvot_plugin.devices import choose_dtype
from mvot_plugin.engines import MotionEngine
from mvot_plugin.engines.networks import prepare
from mvot_plugin.synthetic import Scene, street

__all__ = ["Validation", "ready"]

NetworkT = TypeVar("NetworkT", bound=nn.Module)

STREET_SEED = 10_000
"""Far from the seeds of the streets that are learnt."""


@dataclass(frozen=True, kw_only=True)
class Validation:
    """Clips that are not trained on, by name; each is read when its turn comes.

    Calling it follows all objects of every clip from ground truth, in one pass and with
    re-initialisation, and returns the mean IoU of the former per clip, and ``mean``, over clips,
    of that and of the latter's accuracy: what the best network is chosen by.
    """

    clips: Mapping[str, Callable[[], Clip]]

    @classmethod
    def of(
        cls, roots: Sequence[Path], names: Collection[str], *, frames: int, streets: int
    ) -> "Validation":
        """The sequences called ``names`` in ``roots``, their first ``frames``, and own scenes."""
        folders = [root / name for name in sorted(names) for root in roots]
        clips = {f.name: _reader(f, frames) for f in folders if (f / "seqinfo.ini").is_file()}
        seeds = range(STREET_SEED, STREET_SEED + streets)
        return cls(clips=clips | {f"street-{seed}": _renderer(seed, frames) for seed in seeds})

    def __call__(self, engine: MotionEngine[Any, Any]) -> dict[str, float]:
        """The figures of an engine."""
        scores = {name: evaluate(engine, clip()) for name, clip in self.clips.items()}
        quality = [(one.mean_iou + one.accuracy) / 2 for one in scores.values()]
        return {**{k: v.mean_iou for k, v in scores.items()}, "mean": float(np.mean(quality))}


def ready(network: NetworkT) -> NetworkT:
    """A copy of a network in training, made ready to track, where it is."""
    device = next(network.parameters()).device
    copy = deepcopy(network)
    prepare(copy, device, choose_dtype("auto", device))
    return copy


def _reader(folder: Path, frames: int) -> Callable[[], Clip]:
    return lambda: read_clip(folder, frames)


def _renderer(seed: int, frames: int) -> Callable[[], Clip]:
    return lambda: _rendered(
        street(seed, size=(640, 480), frames=frames, frame_rate=8.0, walkers=10)
    )


def _rendered(scene: Scene) -> Clip:
    """A scene of our own with its truth, where an object is seen by half at least."""
    truths = [scene.truth(index) for index in range(len(scene))]
    ids = np.unique(np.concatenate([truth.id for truth in truths]))
    table = np.full((len(scene), len(ids), 4), np.nan, np.float32)
    for row, truth in zip(table, truths, strict=True):
        seen = truth.visibility >= 0.5
        row[np.searchsorted(ids, truth.id[seen])] = truth.xyxy[seen]
    return Clip(frames=tuple(scene), truth=table)

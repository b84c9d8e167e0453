"""How well a network in training tracks held-out sequences, by the benchmark's VOT protocol."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from mvot_benchmarks.vot import VotSequence, evaluate, read_vot_sequence
from mvot_plugin.engines import MotionEngine
from mvot_plugin.runtimes.devices import choose_dtype
from mvot_plugin.runtimes.torch_network import TorchNetwork, prepare
from mvot_synthetic import Scene, street

__all__ = ["Validation", "prepare_copy"]

STREET_SEED = 10_000
"""The first seed of the synthetic scenes; far from the seeds of the training scenes."""


@dataclass(frozen=True, kw_only=True)
class Validation:
    """Held-out sequences by name, each with the function that reads or renders it."""

    sequences: Mapping[str, Callable[[], VotSequence]]

    @classmethod
    def open(
        cls, roots: Sequence[Path], names: Collection[str], *, frames: int, synthetic_scenes: int
    ) -> "Validation":
        """Open the sequences called ``names`` in ``roots``, and synthetic scenes.

        Of each, the first ``frames`` are read, and only when they are needed; names that no folder
        has are left out.
        """
        folders = [root / name for name in sorted(names) for root in roots]
        filmed = {f.name: _reader(f, frames) for f in folders if (f / "seqinfo.ini").is_file()}
        seeds = range(STREET_SEED, STREET_SEED + synthetic_scenes)
        synthetic = {f"street-{seed}": _renderer(seed, frames) for seed in seeds}
        return cls(sequences=filmed | synthetic)

    def read(self) -> Iterator[VotSequence]:
        """One sequence after the other."""
        return (read() for read in self.sequences.values())

    def measure(self, engine: MotionEngine[Any, Any]) -> dict[str, float]:
        """Track all objects of every sequence, from ground truth on.

        Returns the mean IoU of one pass for each sequence, and ``mean``, by which the best network
        is selected: the mean over sequences of that IoU and the accuracy with re-initialisation.
        """
        scores = {name: evaluate(engine, read()) for name, read in self.sequences.items()}
        quality = [(score.mean_iou + score.accuracy) / 2 for score in scores.values()]
        return {**{k: v.mean_iou for k, v in scores.items()}, "mean": float(np.mean(quality))}


def prepare_copy(functions: nn.Module) -> TorchNetwork:
    """A copy of a network in training, prepared to track on the device that it is on.

    ``functions`` are those that its engine runs, as ``load_functions`` builds them.
    """
    device = next(functions.parameters()).device
    copy = deepcopy(functions)
    prepare(copy, device, choose_dtype("auto", device))
    return TorchNetwork(copy)


def _reader(folder: Path, frames: int) -> Callable[[], VotSequence]:
    return lambda: read_vot_sequence(folder, frames)


def _renderer(seed: int, frames: int) -> Callable[[], VotSequence]:
    return lambda: _render_sequence(
        street(seed, size=(640, 480), frames=frames, frame_rate=8.0, walkers=10)
    )


def _render_sequence(scene: Scene) -> VotSequence:
    """A synthetic scene with the ground truth of the objects that are at least half visible."""
    ground_truths = [scene.ground_truth(index) for index in range(len(scene))]
    ids = np.unique(np.concatenate([objects.id for objects in ground_truths]))
    table = np.full((len(scene), len(ids), 4), np.nan, np.float32)
    for row, objects in zip(table, ground_truths, strict=True):
        is_visible = objects.visibility >= 0.5
        row[np.searchsorted(ids, objects.id[is_visible])] = objects.xyxy[is_visible]
    return VotSequence(frames=tuple(scene), ground_truth=table)

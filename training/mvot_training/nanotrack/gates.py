"""The means of the gates of NanoTrack's published backbone, over search areas of real objects."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float32, UInt8
from onnx import ModelProto
from tqdm import tqdm

from mvot_benchmarks import datasets
from mvot_plugin.engines.nanotrack.config import NanoTrackConfig
from mvot_plugin.engines.nanotrack.published import expose_gates
from mvot_plugin.errors import InputError
from mvot_plugin.ops.areas import context_side, square_areas
from mvot_plugin.ops.images import crop_areas
from mvot_plugin.runtimes.graph import Graph
from mvot_training.nanotrack.config import NanoTrackConstantsConfig

__all__ = ["MeasuredGates", "measure_gates"]

SEARCH = 255
"""Side in pixels of the images of search areas that the backbone was trained on."""


@dataclass(frozen=True, kw_only=True, eq=False)
class MeasuredGates:
    """The gates' means, and over how many images they were measured."""

    means: tuple[Float32[np.ndarray, " _"], ...]
    """For each gate, the mean factor of each channel."""
    crops: int
    """Images of search areas."""


def measure_gates(
    backbone: ModelProto, sequences: Sequence[Path], config: NanoTrackConstantsConfig
) -> MeasuredGates:
    """Measure the gates on search areas about the ground truth of sequences.

    Raises ``InputError`` for sequences that cannot be read, and where none has a box.
    """
    gates = Graph(expose_gates(backbone).SerializeToString(), threads=1)
    random = np.random.default_rng(config.seed)
    sums, crops = [np.zeros(1) for _ in gates.outputs], 0
    for folder in tqdm(sequences, "gates", leave=False):
        for crop in _cut_search_areas(folder, config, random):
            values = gates(crop.transpose(2, 0, 1)[None].astype(np.float32))
            sums = [total + value.ravel() for total, value in zip(sums, values, strict=True)]
            crops += 1
    if not crops:
        raise InputError(f"no object has a box in {', '.join(folder.name for folder in sequences)}")
    return MeasuredGates(means=tuple((s / crops).astype(np.float32) for s in sums), crops=crops)


def _cut_search_areas(
    folder: Path, config: NanoTrackConstantsConfig, random: np.random.Generator
) -> Iterator[UInt8[np.ndarray, "side side 3"]]:
    """Images of the search areas of some objects, on some of a sequence's first frames."""
    network = NanoTrackConfig()
    sequence = datasets.open_sequence(folder)
    ground_truth = sequence.visible_boxes()[: config.frames]
    with sequence.open() as source:
        for frame, boxes in zip(source, ground_truth, strict=False):
            if frame.index % config.frame_step:
                continue
            rows = np.flatnonzero(np.isfinite(boxes).all(1))
            chosen = np.sort(random.permutation(rows)[: config.objects])
            sides = context_side(boxes[chosen], network.context) * SEARCH / network.exemplar
            yield from crop_areas(frame.image, square_areas(boxes[chosen], sides), SEARCH)

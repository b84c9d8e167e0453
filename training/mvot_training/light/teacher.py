"""NanoTrack as a teacher: what it sees and answers on the very crops that the student sees."""

from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from mvot_plugin.engines.nanotrack.loading import (
    FILES,
    find_files,
    read_constants,
    read_published,
)
from mvot_plugin.engines.nanotrack.torch_loading import build_network
from mvot_plugin.errors import InputError
from mvot_plugin.runtimes.torch_network import prepare
from mvot_training.optimization import native_dtype

__all__ = ["Lesson", "NanoTrackTeacher"]

EXEMPLAR, SEARCH = 127, 255
"""Sides in pixels of the images of exemplar and search areas."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Lesson:
    """What a teacher sees and answers of N pairs, in single precision."""

    exemplars: Float[Tensor, "n k k c"]
    searches: Float[Tensor, "n s s c"]
    logits: Float[Tensor, "n s s"]
    distances: Float[Tensor, "n 4 s s"]
    """From each cell to the edges of the box, in pixels."""


class NanoTrackTeacher:
    """The published NanoTrack v2, with constant gates, as the engine `nanotrack` runs it."""

    def __init__(self, weights: Path | None, device: torch.device) -> None:
        try:
            paths = find_files("auto" if weights is None else str(weights))
        except InputError as error:
            reason = str(error).partition(";")[0]
            raise InputError(
                f"the teacher cannot be had: {reason}; give the folder of NanoTrack v2's published "
                f"files, {' and '.join(FILES)}, as --teacher FOLDER"
            ) from error
        config, gates = read_constants()
        self.device = device
        self.network = build_network(read_published(paths), config, gates)
        self.channels = self.network.shape.classify.channels
        prepare(self.network, device, native_dtype(device))

    @torch.no_grad()
    def teach(
        self, exemplars: UInt8[Tensor, "n he he 3"], searches: UInt8[Tensor, "n hs hs 3"]
    ) -> Lesson:
        """The lesson on pairs of images at 16 pixels in a bin, whose targets are in their middles.

        The exemplar area is in the middle of its image; the search area begins at its corner.
        """
        begin = (exemplars.shape[1] - EXEMPLAR) // 2
        middle = slice(begin, begin + EXEMPLAR)
        kept = self.network.features(exemplars[:, middle, middle].contiguous())
        seen = self.network.features(searches[:, :SEARCH, :SEARCH].contiguous())
        logits, distances = self.network.compare(self.network.enroll(kept), seen)
        return Lesson(
            exemplars=kept.float(), searches=seen.float(), logits=logits, distances=distances
        )

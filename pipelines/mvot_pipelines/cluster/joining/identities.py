"""The identities of a recording over all its pieces."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from mvot_pipelines.cluster.joining.returning import match_returning
from mvot_pipelines.cluster.joining.shared import match_shared
from mvot_pipelines.cluster.pieces import PieceResult
from mvot_pipelines.pipeline_config import PipelineConfig
from mvot_plugin.types import Frame, Tracks

__all__ = ["Joiner"]


class Joiner:
    """Puts the pieces of a recording together, one after another.

    The frames that two pieces share are taken from the earlier one, which has known the scene for
    longer, and is what the unbroken run would have given. Identities count from 1 in the order in
    which they are first reported.

    Args:
        config: The settings of the pipeline.

    Attributes:
        joined: How many identities went on from one piece to the next.
        returned: How many of them were out of sight between.
    """

    def __init__(self, config: PipelineConfig) -> None:
        self._config = config
        self._before: PieceResult | None = None
        self._identities: dict[int, int] = {}
        self._count = 0
        self._numbers: dict[int, int] = {}
        self._last = -1
        self.joined = self.returned = 0

    def fits(self, result: PieceResult) -> bool:
        """Whether a piece has the same frames as the one before, where it shares them with it."""
        before = self._before
        if before is None or before.error is not None:
            return True
        mine = _shared_frames(before, result.piece.start, result.piece.shared)
        return mine == _shared_frames(result, result.piece.start, result.piece.shared)

    def add(self, result: PieceResult) -> Iterator[tuple[int, Frame, Tracks]]:
        """Join the next piece; yields its new frames: place in it, frame, and tracks."""
        identities: dict[int, int] = {}
        if self._before is not None:
            shared = match_shared(self._before, result)
            returning = match_returning(self._before, result, self._config, shared)
            self.joined += len(shared[0]) + len(returning[0])
            self.returned += len(returning[0])
            for pairs in (shared, returning):
                for mine, theirs in zip(pairs[0].tolist(), pairs[1].tolist(), strict=True):
                    identities[theirs] = self._identities[mine]
        for track in np.unique(result.tracks.id).tolist():
            if track not in identities:
                identities[track], self._count = self._count, self._count + 1
        self._before, self._identities = result, identities
        after, self._last = self._last, int(result.index.max(initial=self._last))
        return self._write(result, after)

    def _write(self, result: PieceResult, after: int) -> Iterator[tuple[int, Frame, Tracks]]:
        """The frames of a piece behind a number, with the identities of the recording."""
        identities = self._identities
        for place, frame, tracks in result.frames(after):
            ids = sorted(tracks.id.tolist())
            for track in ids:
                self._numbers.setdefault(identities[track], len(self._numbers) + 1)
            numbers = [self._numbers[identities[track]] for track in tracks.id.tolist()]
            yield place, frame, replace(tracks, id=np.array(numbers, np.int64))


def _shared_frames(result: PieceResult, start: int, stop: int) -> list[tuple[int, float, int]]:
    """The number, the time and the digest of each frame from one number to another."""
    chosen = np.flatnonzero((result.index >= start) & (result.index < stop))
    return [
        (int(result.index[n]), float(result.timestamp[n]), result.digests[int(result.index[n])])
        for n in chosen.tolist()
    ]

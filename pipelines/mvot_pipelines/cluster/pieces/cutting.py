"""Cutting a recording by its settings."""

import numpy as np

from mvot_pipelines.cluster.config import ClusterConfig
from mvot_pipelines.cluster.pieces.key_frames import FrameTable, read_frame_table
from mvot_pipelines.cluster.pieces.plan import Frames, Piece, plan_pieces, whole_recording
from mvot_pipelines.config import RunConfig
from mvot_pipelines.sources import Source
from mvot_pipelines.sources.reading import index_at
from mvot_pipelines.sources.recordings import VideoSource
from mvot_plugin.errors import UsageError

__all__ = ["cut_recording"]

_TOLERANCE = 1e-6
"""Seconds by which a frame may be early, as of ``select_frames``."""


def cut_recording(config: RunConfig, source: Source, cluster: ClusterConfig) -> list[Piece]:
    """Cut a recording into pieces; where nobody knows how long it is, it is one piece.

    Raises ``UsageError`` for a start behind its end.
    """
    table, limit = None, None
    if isinstance(source, VideoSource):
        limit = source.limit
        table = read_frame_table(source.address, source.limits.opening)
    length = len(table.seconds) if table is not None else source.length
    first = _find_first(config, source, table)
    if length is None:
        return [whole_recording(first)]
    if first >= length:
        raise UsageError(
            f"--start {config.start:g} is beyond the end of {source.name}: begin earlier"
        )
    stop = None if config.frames is None else first + config.frames * config.stride
    if limit is not None:
        stop = limit if stop is None else min(stop, limit)
    k = config.detect_every if isinstance(config.detect_every, int) else 1
    frames = Frames(
        length=length,
        rate=source.frame_rate,
        table=table,
        first=first,
        stop=stop,
        stride=config.stride,
        every=config.stride * k,
    )
    return plan_pieces(frames, cluster.piece, cluster.overlap)


def _find_first(config: RunConfig, source: Source, table: FrameTable | None) -> int:
    """The first frame that is taken."""
    if not config.start:
        return 0
    if table is None or config.frame_rate is not None:
        return index_at(config.start, source.frame_rate)
    return int(np.searchsorted(table.seconds - table.seconds[0], config.start - _TOLERANCE))

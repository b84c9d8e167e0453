"""Tracking a piece: the pipeline over its frames, and what the joining needs to know."""

from contextlib import ExitStack, closing
from dataclasses import replace

import numpy as np

from mvot_pipelines.cluster.pieces.plan import Piece
from mvot_pipelines.cluster.pieces.reading import digest, read_piece
from mvot_pipelines.cluster.pieces.results import Looks, PieceResult
from mvot_pipelines.config import RunConfig
from mvot_pipelines.loading import build_scheduler
from mvot_pipelines.pipeline import MotPipeline
from mvot_pipelines.sources import Source
from mvot_pipelines.sources.reading import read_ahead
from mvot_pipelines.streams.parts import Parts
from mvot_plugin.embedders import Embedder, embed_boxes
from mvot_plugin.errors import MvotError
from mvot_plugin.ops.boxes import covered_fraction
from mvot_plugin.threads import check_threads
from mvot_plugin.types import Frame, Tracks

__all__ = ["track_piece"]

_AHEAD = 4
"""Frames that are decoded ahead where there may be a thread for it."""


def track_piece(
    config: RunConfig,
    source: Source,
    piece: Piece,
    parts: Parts,
) -> PieceResult:
    """Track a piece of a recording, to its end or to the first error."""
    pipeline = MotPipeline(
        parts.detector,
        parts.engine,
        build_scheduler(config),
        embedder=parts.embedder,
        config=config.pipeline,
    )
    recorder = _Recorder(config, piece, parts.embedder)
    error: MvotError | None = None
    with pipeline, ExitStack() as stack:
        frames = stack.enter_context(closing(read_piece(source, piece, config.stride)))
        if check_threads(config.threads) > 1:
            frames = stack.enter_context(closing(read_ahead(frames, depth=_AHEAD)))
        try:
            for frame in frames:
                recorder.add(frame, pipeline.step(frame), pipeline)
        except MvotError as raised:
            error = raised.with_traceback(None)
            error.__cause__ = error.__context__ = None  # they keep the image, and may not be sent
    return recorder.result(pipeline, error)


class _Recorder:
    """Keeps what comes of the frames of a piece."""

    def __init__(self, config: RunConfig, piece: Piece, embedder: Embedder | None) -> None:
        self._piece, self._embedder = piece, embedder
        self._appearance = config.pipeline.appearance
        self._compares = config.pipeline.compares_appearance
        self._reach = config.pipeline.memory.seconds
        self._frames: list[tuple[int, float, int, int, int]] = []
        self._tracks: list[Tracks] = []
        self._digests: dict[int, int] = {}
        self._looks: list[Looks] = []
        self._looked = -np.inf
        self._calls = self._found = 0
        self._size = (0, 0)

    def add(self, frame: Frame, tracks: Tracks, pipeline: MotPipeline) -> None:
        """Keep the tracks of a frame."""
        called, found = pipeline.detector_calls - self._calls, pipeline.calls.detections
        row = (frame.index, frame.timestamp, len(tracks), called, found - self._found)
        self._calls, self._found, self._size = pipeline.detector_calls, found, frame.size
        self._frames.append(row)
        self._tracks.append(replace(tracks, data={}))
        begin, end = self._piece.shared, self._piece.next_start
        if frame.index < begin or (end is not None and frame.index >= end):
            self._digests[frame.index] = digest(frame)
        if called and self._compares:
            self._look(frame, tracks)

    def _look(self, frame: Frame, tracks: Tracks) -> None:
        """Keep a look of each track that was detected, unless the last ones are new."""
        time = frame.timestamp
        if time - self._looked < self._appearance.interval - 1e-6:
            return
        clear = tracks.detected & (covered_fraction(tracks.xyxy) <= self._appearance.covered)
        seen = tracks[clear]
        embeddings = seen.data.get("embeddings")
        if embeddings is None and self._embedder is not None:
            embeddings = embed_boxes(self._embedder, frame, seen.xyxy)
        if not len(seen) or embeddings is None:
            return
        self._looked = time
        times = np.full(len(seen), time)
        self._looks.append(Looks(id=seen.id, time=times, embedding=embeddings))

    def result(self, pipeline: MotPipeline, error: MvotError | None) -> PieceResult:
        """What was kept."""
        columns = np.array(self._frames, np.float64).reshape(-1, 5)
        index, rows, called, found = (columns[:, n].astype(np.int64) for n in (0, 2, 3, 4))
        return PieceResult(
            piece=self._piece,
            index=index,
            timestamp=columns[:, 1].copy(),
            rows=rows,
            called=called,
            found=found,
            tracks=Tracks.cat(self._tracks) if self._tracks else Tracks.empty(),
            digests=self._digests,
            looks=self._near_ends(),
            size=self._size,
            failures=tuple(pipeline.detector_errors),
            dropped=pipeline.dropped_boxes,
            left_out=pipeline.left_out_boxes,
            error=error,
        )

    def _near_ends(self) -> Looks:
        """The looks that the neighbours may ask for."""
        if not self._looks:
            return Looks.empty()
        looks, reach = Looks.cat(self._looks), self._reach + 2 * self._appearance.interval
        before = looks.time <= self._time_of(self._piece.shared) + reach
        return looks[before | (looks.time >= self._time_of(self._piece.next_start) - reach)]

    def _time_of(self, number: int | None) -> float:
        """The time of a frame by its number, or of the last one."""
        times = (time for index, time, *_ in self._frames if number is None or index <= number)
        return max(times, default=self._frames[0][1])

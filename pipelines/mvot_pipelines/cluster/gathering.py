"""The pieces of a recording as they come, joined in order and written."""

import math
import time

from mvot_pipelines.cluster.joining import Joiner
from mvot_pipelines.cluster.pieces import Piece, PieceResult
from mvot_pipelines.cluster.worker import Description
from mvot_pipelines.config import RunConfig
from mvot_pipelines.outputs import open_sinks
from mvot_pipelines.report import RunReport, describe_detections
from mvot_pipelines.sources import Source
from mvot_pipelines.sources.recordings import VideoSource
from mvot_plugin.errors import MvotError

__all__ = ["Recording"]


class Recording:
    """A recording that is tracked in pieces; a context manager that closes its outputs.

    Args:
        config: The settings.
        source: The recording, to know its size and length; it is not read.
        outputs: The files to write, by kind.
        pieces: The pieces.
        loaded: What the workers have loaded.

    Attributes:
        report: What was written so far.
        is_done: Whether nothing more is to be written.
        read_again: How many pieces were tracked again, read from the beginning of the recording.
    """

    def __init__(
        self,
        config: RunConfig,
        source: Source,
        outputs: dict[str, str],
        pieces: list[Piece],
        loaded: Description,
    ) -> None:
        self.config, self.pieces = config, pieces
        self._source = source
        self.report = RunReport(
            name=source.name,
            engine=config.engine,
            detector=loaded.detector,
            detect_every=config.detect_every,
            frame_rate=source.frame_rate / config.stride,
        )
        self.is_done, self.read_again = False, 0
        self._joiner = Joiner(config.pipeline)
        self._results: dict[int, PieceResult] = {}
        self._next = self._dropped = self._left_out = 0
        self._failures: list[str] = []
        self._last = -1, 0.0
        self._failed: tuple[int, MvotError] | None = None
        self._begin = time.perf_counter()
        self._sinks, self._opened = open_sinks(
            config, outputs, source, loaded.class_names, self.report
        )

    def add(self, result: PieceResult) -> Piece | None:
        """Take in what came of a piece, and write what is complete.

        Returns:
            A piece that is to be tracked again, since it was not read as it should be.

        Raises:
            OutputError: An output cannot be written.
        """
        self._results[result.piece.number] = result
        while not self.is_done and self._next in self._results:
            ready = self._results[self._next]
            if ready.piece.seconds is not None and not self._joiner.fits(ready):
                del self._results[self._next]
                self.read_again += 1
                return ready.piece.from_beginning()
            self._write(self._results.pop(self._next))
            self._next += 1
            self._end_where_failed()
        return None

    def fail(self, piece: int, error: MvotError) -> None:
        """End before a piece, with an error; those before it are still to come."""
        if self._failed is None or piece < self._failed[0]:
            self._failed = piece, error
        self._end_where_failed()

    def _end_where_failed(self) -> None:
        if self._failed is not None and self._next >= self._failed[0]:
            self.report.error, self.is_done = self._failed[1], True
            self.report.seconds = time.perf_counter() - self._begin

    def _write(self, result: PieceResult) -> None:
        for place, frame, tracks in self._joiner.add(result):
            for sink in self._sinks:
                sink.write(frame, tracks)
            self.report.count(frame, tracks, math.nan)
            self.report.detector_calls += int(result.called[place])
            self.report.detections += int(result.found[place])
            self._last = frame.index, frame.timestamp
            if self.report.frames == self.config.frames:
                break
        self._dropped += result.dropped
        self._left_out += result.left_out
        self._failures += result.failures
        is_last = self._next + 1 == len(self.pieces) or self.report.frames == self.config.frames
        if result.error is not None:
            self.fail(result.piece.number, result.error)
        elif is_last:
            self._finish()

    def _finish(self) -> None:
        """All pieces are written; see whether the video has ended early."""
        self.is_done = True
        self.report.seconds = time.perf_counter() - self._begin
        config, index = self.config, self._last[0]
        is_whole = config.stride == 1 and not config.start and config.frames is None
        if isinstance(self._source, VideoSource) and is_whole:
            frames = self.report.frames
            last = max(index, round(self._last[1] * self._source.file_rate))
            try:
                self._source.check_complete(frames, index + 1 - frames, last)
            except MvotError as error:
                self.report.error = error

    def close(self) -> None:
        """Close the outputs, and complete the report; a second call does nothing."""
        self._opened.close()
        report = self.report
        if report.frames == 0:
            report.saved = []
        if not self.is_done:
            report.seconds = time.perf_counter() - self._begin
        report.interrupted = not self.is_done
        report.detector_failures = len(set(self._failures))
        report.notes = self._list_notes()

    def _list_notes(self) -> list[str]:
        """What a report should say about the joining, and about detections that were left out."""
        count, joiner, notes = len(self.pieces), self._joiner, list[str]()
        if count > 1:
            notes.append(
                f"{count} pieces; {joiner.joined} identities go on from one to the next, "
                f"{joiner.returned} of them were out of sight between"
            )
        if self.read_again:
            notes.append(
                f"{self.read_again} pieces were read from the beginning, since the video cannot be "
                "entered in its middle"
            )
        return notes + describe_detections(
            dropped=self._dropped,
            left_out=self._left_out,
            most=self.config.pipeline.max_detections,
            failures=len(set(self._failures)),
            errors=self._failures,
        )

    def __enter__(self) -> "Recording":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

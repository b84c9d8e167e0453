"""One of several streams of a run."""

import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from tqdm import tqdm

from mvot_pipelines.config import RunConfig
from mvot_pipelines.counting.counter import Counter
from mvot_pipelines.loading import choose_worker, load_configured_detector, name_detector
from mvot_pipelines.outputs import choose_outputs, list_outputs
from mvot_pipelines.report import RunReport
from mvot_pipelines.sources import Source
from mvot_pipelines.sources.capture import is_url
from mvot_pipelines.streams.names import to_file_name
from mvot_pipelines.streams.parts import Parts
from mvot_pipelines.streams.stream import Stream, open_configured_source
from mvot_plugin.detectors import Detector
from mvot_plugin.errors import InputError, MvotError, format_line

__all__ = ["Member"]

_PAUSE = 2.0
"""Seconds until a camera that cannot be opened is tried again."""


class Member:
    """A stream of several: opened with the others, and tracked in a thread of its own.

    Args:
        config: its settings, with its name.
        row: its line on the terminal.
        config_files: files that no output may replace.

    Attributes:
        source: where its frames come from; None where it could not be opened, or was closed.
        outputs: the files that it writes.
        report: what it did.
        bug: an error that nobody expected.
    """

    def __init__(self, config: RunConfig, row: int, config_files: Sequence[str] = ()) -> None:
        self.config, self._row, self._config_files = config, row, config_files
        self.source: Source | None = None
        self.outputs = list_outputs(config, to_file_name(config.name or ""))
        self.report = RunReport(
            name=config.name or "",
            engine=config.engine,
            detector="",
            detect_every=config.detect_every,
            frame_rate=0.0,
        )
        self.bug: BaseException | None = None
        self._replayed: Detector | None = None
        self._stream: Stream | None = None

    def open(self) -> None:
        """Open the source, choose the outputs, and load detections that are replayed.

        A camera or a network stream that cannot be opened is tried again by ``track``. Raises
        ``MvotError`` for other errors.
        """
        if self.config.detections is not None:  # then the stream has a detector of its own
            self._replayed = load_configured_detector(self.config)
        if (error := self._open()) is not None:
            if not (self._is_remote and self.config.reconnect):
                raise error
            self._tell(f"{error}; it is tried again for {self.config.reconnect:g} s")

    def track(self, parts: Parts, interrupted: threading.Event) -> None:
        """Track the stream to its end; what goes wrong is in ``report.error``, or a ``bug``."""
        try:
            if self.source is None:
                self._open_again(interrupted)
            if self.source is not None and not interrupted.is_set():
                if self._replayed is not None:
                    name = name_detector(self.config, self._replayed)
                    parts = replace(parts, detector=self._replayed, detector_name=name)
                stream = Stream(self.config, self.source, self.outputs, parts, row=self._row)
                self._stream, self.report = stream, stream.report
                stream.track(interrupted)
        except MvotError as error:
            self.report.error = error
        except BaseException as error:
            self.bug = error
        finally:
            if self.report.error is not None and not interrupted.is_set():
                self._tell(f"{self.report.error}; the others go on")
            self._close_source()

    def interrupt(self) -> None:
        """Let a live source end."""
        source = self.source  # another thread may close it
        if source is not None:
            source.interrupt()

    def close(self) -> None:
        """Close the source, and end the line of the terminal; a second call does nothing."""
        self._close_source()
        if self._stream is not None:
            self._stream.progress.close()

    def _close_source(self) -> None:
        source, self.source = self.source, None
        if source is not None:
            source.close()

    @property
    def _is_remote(self) -> bool:
        """Whether the source is a camera or has an address, so that it may come back."""
        source = self.config.source or ""
        return source.isdecimal() or is_url(source)

    def _open(self) -> InputError | None:
        """Open the source; returns why it cannot be opened."""
        try:
            source = open_configured_source(self.config)
        except InputError as error:
            return error
        try:
            self.outputs = choose_outputs(self.config, source, self._config_files)
            choose_worker(self.config, source)
            if self.config.counting.is_asked_for:  # what is wrong with it is said at once
                Counter(self.config.counting, source.size)
        except BaseException:
            source.close()
            raise
        self.source = source
        return None

    def _open_again(self, interrupted: threading.Event) -> None:
        """Try to open the source until it is there, as long as the settings say."""
        end = time.monotonic() + self.config.reconnect
        while self.source is None and not interrupted.wait(_PAUSE):
            if (error := self._open()) is not None and time.monotonic() > end:
                raise error

    def _tell(self, message: str) -> None:
        if not self.config.quiet:
            with suppress(OSError):  # nobody may read it any more
                line = format_line(f"{self.config.name}: {message}")
                tqdm.write(f"mvot-run: {line}", file=sys.stderr)

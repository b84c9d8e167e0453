"""A worker: a process somewhere in the cluster that holds an engine and a detector."""

import os
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass

from mvot_pipelines.cluster.live import LiveFrames, LiveTracker
from mvot_pipelines.cluster.pieces import Piece, PieceResult
from mvot_pipelines.cluster.pieces.tracking import track_piece
from mvot_pipelines.config import RunConfig
from mvot_pipelines.sources import Source
from mvot_pipelines.streams.parts import Parts
from mvot_pipelines.streams.sharing import load_shared_parts
from mvot_pipelines.streams.stream import open_configured_source
from mvot_pipelines.warned import show_warnings
from mvot_plugin.detectors.classes import find_class_names
from mvot_plugin.errors import InputError, MvotError
from mvot_plugin.threads import check_threads, limit_threads

__all__ = ["Description", "Worker"]


@dataclass(frozen=True, kw_only=True)
class Description:
    """What a worker has loaded."""

    detector: str
    """The detector's name."""
    class_names: Mapping[int, str] | None
    """The names of the classes by number, where the detector knows them."""
    notes: tuple[str, ...]
    """Warnings of loading."""
    host: str
    """The machine."""
    process: int
    """The process."""


class Worker:
    """Tracks pieces of recordings, one at a time, or several live streams at once.

    Nothing is loaded before it is used, so that what goes wrong is an answer. Errors that a user
    can do something about are answers, too: Ray would wrap them otherwise.

    Args:
        config: The settings that hold for all that it tracks.
        folder: The working directory of the command, which relative names start from.
        streams: The most live streams that it tracks; 0 for recordings.
    """

    def __init__(self, config: RunConfig, folder: str, streams: int = 0) -> None:
        with suppress(OSError):
            os.chdir(folder)
        self._config, self._streams = config, streams
        self._stack, self._lock = ExitStack(), threading.Lock()
        self._loaded: tuple[Parts, Description] | None = None
        self._opened: tuple[RunConfig, Source] | None = None
        self._trackers: dict[str, LiveTracker] = {}

    def describe(self) -> Description | MvotError:
        """Load engine and detector, and say what they are."""
        try:
            return self._load()[1]
        except MvotError as error:
            return _strip(error)

    def track(self, config: RunConfig, piece: Piece) -> PieceResult | MvotError:
        """Track a piece of the recording that the settings name."""
        try:
            parts, _ = self._load()
            source = self._open(config)
            return track_piece(config, source, piece, parts)
        except MvotError as error:
            return _strip(error)

    def follow(self, config: RunConfig) -> Iterator[LiveFrames | MvotError]:
        """Track the live stream that the settings name, to its end; yields what comes of it."""
        try:
            parts, description = self._load()
            with LiveTracker(config, parts) as tracker:
                self._trackers[config.name or ""] = tracker
                yield from tracker.run(description.class_names)
        except MvotError as error:
            yield _strip(error)
        finally:
            self._trackers.pop(config.name or "", None)

    def interrupt(self) -> None:
        """Let all live streams end."""
        for tracker in list(self._trackers.values()):
            tracker.interrupt()

    def _load(self) -> tuple[Parts, Description]:
        """Engine, embedder and detector, from the first call on."""
        with self._lock:
            if self._loaded is None:
                notes: list[str] = []
                self._stack.enter_context(limit_threads(check_threads(self._config.threads)))
                streams = max(1, self._streams)
                with show_warnings(notes):
                    loading = load_shared_parts(self._config, streams)
                    parts = self._stack.enter_context(loading)
                description = Description(
                    detector=parts.detector_name,
                    class_names=find_class_names(parts.detector),
                    notes=tuple(notes),
                    host=socket.gethostname(),
                    process=os.getpid(),
                )
                self._loaded = parts, description
            return self._loaded

    def _open(self, config: RunConfig) -> Source:
        """The source of the settings, which stays open for the next piece."""
        if self._opened is None or self._opened[0] != config:
            if self._opened is not None:
                self._opened[1].close()
                self._opened = None
            try:
                self._opened = config, open_configured_source(config)
            except InputError as error:
                raise InputError(
                    f"{error} (on the machine {socket.gethostname()}: all machines must reach it "
                    "under this name)"
                ) from error
        return self._opened[1]


def _strip(error: MvotError) -> MvotError:
    """An error without what it came from, which may be large, and no other process may know."""
    error.__cause__ = error.__context__ = None
    return error.with_traceback(None)

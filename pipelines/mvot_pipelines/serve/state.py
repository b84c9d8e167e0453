"""What is known of a stream: the newest frame with its tracks, and how it goes."""

import math
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from mvot_pipelines.counting import Count
from mvot_pipelines.report import RunReport
from mvot_pipelines.serve.history import History, Second
from mvot_pipelines.sinks.colors import Color, TrackColors, to_hex
from mvot_plugin.errors import escape_line
from mvot_plugin.types import Frame, Tracks

__all__ = ["SILENCE", "STATUSES", "LiveState", "Shot"]

STATUSES = ("waiting", "running", "stalled", "ended", "failed")
"""What a stream may do."""

SILENCE = 5.0
"""Seconds without a frame after which a stream has stalled."""
_MOST_TRACKS = 100


@dataclass(frozen=True, kw_only=True)
class Shot:
    """A frame with what was found on it."""

    number: int
    """From 1, as it was written."""
    frame: Frame
    tracks: Tracks
    counts: Sequence[Count]
    since: Mapping[int, float]
    """The timestamp at which each track, by its id, came into view."""
    colors: Mapping[int, Color]
    """The colours of the tracks by id."""


class LiveState:
    """The newest frame and the numbers of a stream, written by one thread and read by another.

    Args:
        report: what else is known of the stream; it may change meanwhile.
        class_names: the names of the classes by number, where the tracks have none.
        clock: returns seconds, as ``Frame.captured`` has them.
    """

    def __init__(
        self, report: RunReport, class_names: Mapping[int, str] | None, clock: Callable[[], float]
    ) -> None:
        self.report, self._clock = report, clock
        self.name = escape_line(report.name)
        """The stream's name in one line, for those who read lines."""
        self.key = quote(report.name.encode("utf-8", "surrogatepass"), safe="")
        """The stream's name as addresses have it, whatever its characters."""
        self.class_names = class_names or {}
        self._lock, self._history, self._colors = threading.Lock(), History(), TrackColors()
        self._seen = clock()
        self._ended: float | None = None
        self.latest: Shot | None = None
        """The newest frame; None before the first."""
        self.track_total = 0
        """The highest id so far, which is the number of tracks."""
        self.error: str | None = None
        """What the stream failed of."""
        self.wake: Callable[[], object] | None = None
        """Called by the writing thread when there is a new frame, or the end."""

    def put(self, frame: Frame, tracks: Tracks, counts: Sequence[Count]) -> None:
        """Take over a frame; nothing of it is copied. After the end, nothing is taken."""
        if self.has_ended:
            return
        now = self._clock()
        latency = max(0.0, now - frame.captured) if math.isfinite(frame.captured) else None
        before = self.latest
        number, since = (before.number + 1, before.since) if before else (1, {})
        since = {one: since.get(one, frame.timestamp) for one in tracks.id.tolist()}
        colors = self._colors.assign(since)
        with self._lock:
            self._history.add(now, latency)
        self._seen = now
        self.track_total = max(self.track_total, *since, 0)
        self.latest = Shot(
            number=number, frame=frame, tracks=tracks, counts=counts, since=since, colors=colors
        )
        self._notify()

    def end(self, error: str | None = None) -> None:
        """Say that no more frames will come, and what the stream failed of; once only."""
        if not self.has_ended:
            self.error, self._ended = error, self._clock()
            self._notify()

    def _notify(self) -> None:
        if (wake := self.wake) is not None:
            with suppress(RuntimeError):  # the server has ended meanwhile
                wake()

    @property
    def has_ended(self) -> bool:
        """Whether no more frames will come."""
        return self._ended is not None

    @property
    def _now(self) -> float:
        """The time for what is shown, which stands still at the end."""
        return self._clock() if self._ended is None else self._ended

    @property
    def age(self) -> float:
        """Seconds since the newest frame came, or since the start, until the end."""
        return self._now - self._seen

    @property
    def status(self) -> str:
        """What the stream does: one of ``STATUSES``."""
        if self.has_ended:
            return "ended" if self.error is None else "failed"
        if self.age > SILENCE:
            return "stalled"
        return "waiting" if self.latest is None else "running"

    def read_history(self) -> tuple[float, list[int], float]:
        """Frames per second now, and the numbers and the sum (seconds) of latencies by class."""
        with self._lock:
            rate = History.rate(self._history.last_minute(self._now))
            return rate or 0.0, list(self._history.latencies), self._history.latency_sum

    def summarize(self) -> dict[str, Any]:
        """The most important as plain values for JSON, to be shown beside other streams.

        Numbers that are not known are None.
        """
        return self._summarize(self.latest, self._read_minute())

    def describe(self) -> dict[str, Any]:
        """All of it as plain values for JSON, but for the image.

        Numbers that are not known are None; of many tracks, the first hundred are listed.
        """
        report, shot, seconds = self.report, self.latest, self._read_minute()
        return {
            **self._summarize(shot, seconds),
            "dropped": report.dropped,
            "detector_calls": report.detector_calls,
            "detector_failures": report.detector_failures,
            "fps_history": [second.frames for second in seconds],
            "latency_history": [_to_ms(second.mean_latency) for second in seconds],
            "tracks_total": self.track_total,
            "tracks": self._describe_tracks(shot) if shot else [],
        }

    def _read_minute(self) -> list[Second]:
        with self._lock:
            return self._history.last_minute(self._now)

    def _summarize(self, shot: Shot | None, seconds: Sequence[Second]) -> dict[str, Any]:
        return {
            "name": self.report.name,
            "key": self.key,
            "status": self.status,
            "error": self.error,
            "age": round(self.age, 1),
            "frames": shot.number if shot else 0,
            "fps": _round(History.rate(seconds)),
            "latency_ms": _to_ms(History.latency(seconds)),
            "tracks_now": len(shot.tracks) if shot else 0,
            "counts": [count.to_dict() for count in shot.counts] if shot else [],
        }

    def _describe_tracks(self, shot: Shot) -> list[dict[str, Any]]:
        """The tracks of a frame, those that came into view first at the top."""
        tracks, time = shot.tracks, shot.frame.timestamp
        names = tracks.class_names or self.class_names
        columns = tracks.id, tracks.class_id, tracks.score, tracks.detected
        rows = sorted(zip(*(column.tolist() for column in columns), strict=True))
        return [
            {
                "id": one,
                "class": str(names.get(class_id, class_id)),
                "score": _round(score, 2),
                "detected": detected,
                "seconds": _round(time - shot.since[one]),
                "color": to_hex(shot.colors[one]),
            }
            for one, class_id, score, detected in rows[:_MOST_TRACKS]
        ]


def _to_ms(seconds: float | None) -> float | None:
    return None if seconds is None else _round(1e3 * seconds)


def _round(value: float | None, digits: int = 1) -> float | None:
    """The rounded value; None where there is none, or where it is not finite."""
    return round(value, digits) if value is not None and math.isfinite(value) else None

"""The report of a run, and its summary at the end."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from mvot_plugin.errors import MvotError
from mvot_plugin.timing import StageTimer
from mvot_plugin.types import Frame, Tracks

__all__ = ["STAGES", "RunReport", "describe_detections"]

STAGES = ("decode", "detect", "embed", "motion", "associate", "write")
_LONGEST_MS = 60_000


@dataclass(kw_only=True)
class RunReport:
    """What a run did, complete or not."""

    name: str
    """The name of the source."""
    engine: str
    detector: str
    detect_every: int | str
    """The detector ran on every k-th frame (k), or where a scheduler by this name had it run."""
    frame_rate: float
    """Frames per second of the source."""
    is_live: bool = False
    """Whether the source is live."""
    timer: StageTimer = field(default_factory=StageTimer)
    """Stages in the thread that tracks; also what it waits for the other threads."""
    threads: list[StageTimer] = field(default_factory=list)
    """Stages in other threads, which work at the same time."""
    seconds: float = 0.0
    """From the first frame until all outputs were complete."""
    frames: int = 0
    """Frames written so far."""
    detector_calls: int = 0
    """Frames that the detector was given."""
    detector_failures: int = 0
    """Frames on which the detector failed, and which the engine bridged."""
    detections: int = 0
    """Detections so far that were taken."""
    dropped: int = 0
    """Frames of a live source that were not looked at."""
    latencies: Counter[int] = field(default_factory=Counter)
    """Frames by the milliseconds from their capture until they were written, a minute at most."""
    boxes: int = 0
    """Boxes on all frames together."""
    tracks: int = 0
    """The number of tracks: ids count from 1, so it is the highest so far."""
    saved: list[str] = field(default_factory=list)
    """The paths of the output files."""
    notes: list[str] = field(default_factory=list)
    """Warnings, and what was left out."""
    error: MvotError | None = None
    """The error that ended the run."""
    interrupted: bool = False
    """Whether a signal ended the run."""

    def time_thread(self) -> StageTimer:
        """A timer for a thread that works beside the one that tracks."""
        self.threads.append(StageTimer())
        return self.threads[-1]

    def count(self, frame: Frame, tracks: Tracks, now: float) -> None:
        """Add a frame and its tracks, written at ``now`` on the clock of ``Frame.captured``."""
        self.frames += 1
        self.boxes += len(tracks)
        self.tracks = max(self.tracks, int(tracks.id.max(initial=0)))
        if math.isfinite(frame.captured):
            latency = max(0, round(1e3 * (now - frame.captured)))
            self.latencies[min(latency, _LONGEST_MS)] += 1

    def latency(self, share: float) -> int:
        """The milliseconds that a ``share`` of the frames stayed within; 0 without frames."""
        left = math.ceil(share * self.latencies.total())
        for latency in sorted(self.latencies):
            left -= self.latencies[latency]
            if left <= 0:
                return latency
        return 0

    def work(self, stage: str) -> float:
        """The seconds that a stage took in its own thread."""
        others = [timer.seconds[stage] for timer in self.threads if stage in timer.seconds]
        return sum(others) if others else self.timer.seconds.get(stage, 0.0)

    def summary(self) -> str:
        """The report as text: a headline, a table of stages, saved files, and notes."""
        fps = self.frames / self.seconds if self.seconds else 0.0
        interval = self.detect_every
        if isinstance(interval, int):
            interval = f"every {interval}"
        lines = [
            f"{self.name}: {self.frames} frames in {self.seconds:.1f} s ({fps:.0f} fps; the video "
            f"has {self.frame_rate:g})",
            f"{self.boxes} boxes of ids up to {self.tracks}; engine {self.engine}; "
            f"detector {self.detector} on {self.detector_calls} frames ({interval})",
            *([self._explain_nothing()] if self.frames and not self.boxes else []),
            *([f"live: {self.format_live()}"] if self.is_live else []),
            "",
            f"{'stage':<10}{'ms/frame':>10}{'ms/call':>10}{'calls':>8}{'share':>8}{'waited':>8}",
        ]
        lines += [self._format_row(stage) for stage in STAGES]
        lines.append(f"{'total':<10}{1e3 * self.seconds / max(self.frames, 1):>10.2f}")
        lines += ["", *(f"saved {path}" for path in self.saved)]
        lines += [f"note: {note}" for note in self.notes]
        return "\n".join(lines)

    def _explain_nothing(self) -> str:
        """What may be the reason that there are no boxes."""
        if not self.detections and self.detector_failures >= self.detector_calls:
            return "nothing was tracked, since the detector has not answered"
        if not self.detections:
            return (
                "nothing was tracked, since the detector found nothing: check --classes and "
                "--conf, or choose another --detector"
            )
        return (
            "nothing was tracked, though the detector found something: its detections were too few "
            "or too unsure to begin tracks; try a smaller --detect-every"
        )

    def format_live(self) -> str:
        """Frames, calls of the detector and latency of a live run, in a line."""
        return (
            f"{self.frames} frames seen, {self.dropped} dropped; "
            f"{self.detector_calls} detector calls; "
            f"latency {self.latency(0.5)} ms (median), {self.latency(0.95)} ms (95th percentile)"
        )

    def _format_row(self, stage: str) -> str:
        """A stage's time, its share of the run, and what the tracker waited for its thread."""
        seconds, calls = self.work(stage), self.timer.calls.get(stage, 0)
        frame, call = 1e3 * seconds / max(self.frames, 1), 1e3 * seconds / max(calls, 1)
        total = self.seconds or math.inf
        row = f"{stage:<10}{frame:>10.2f}{call:>10.2f}{calls:>8}{seconds / total:>8.0%}"
        if not any(stage in timer.seconds for timer in self.threads):
            return row
        return row + f"{self.timer.seconds.get(stage, 0.0) / total:>8.0%}"


def describe_detections(
    *, dropped: int, left_out: int, most: int, failures: int, errors: Sequence[str]
) -> list[str]:
    """What a report says about detections that were left out, and calls that failed.

    Args:
        dropped: Detections without area inside the image.
        left_out: Those beyond the most of a frame.
        most: How many that is.
        failures: Frames on which the detector failed.
        errors: What it said; the first is told.
    """
    notes = []
    if dropped:
        notes.append(f"{dropped} detections had no area inside the image, left out")
    if left_out:
        notes.append(
            f"{left_out} detections beyond the {most} most confident of a frame, or beyond as many "
            "targets, were left out; to take more, raise pipeline.max_detections"
        )
    if failures:
        notes.append(
            f"the detector failed on {failures} frames, which the engine bridged ({errors[0]})"
        )
    return notes

"""The report of a run: a progress bar, and a summary at the end."""

import sys
from dataclasses import dataclass, field

from tqdm import tqdm

from mvot_plugin.errors import MvotError
from mvot_plugin.timing import StageTimer
from mvot_plugin.types import Tracks

__all__ = ["STAGES", "Progress", "RunReport"]

STAGES = ("decode", "detect", "embed", "motion", "associate", "write")


@dataclass(kw_only=True)
class RunReport:
    """What a run did, complete or not."""

    name: str
    """The name of the source."""
    engine: str
    detector: str
    detect_every: int
    frame_rate: float
    """Frames per second of the source."""
    timer: StageTimer = field(default_factory=StageTimer)
    frames: int = 0
    """Frames written so far."""
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

    def count(self, tracks: Tracks) -> None:
        """Add one frame and its tracks; ids count from 1."""
        self.frames += 1
        self.boxes += len(tracks)
        self.tracks = max(self.tracks, int(tracks.id.max(initial=0)))

    def summary(self) -> str:
        """The report as text: a headline, a table of stages, saved files, and notes."""
        total = self.timer.total
        fps = self.frames / total if total else 0.0
        calls = self.timer.calls.get("detect", 0)
        lines = [
            f"{self.name}: {self.frames} frames in {total:.1f} s ({fps:.0f} fps; the video has "
            f"{self.frame_rate:g})",
            f"{self.boxes} boxes of ids up to {self.tracks}; engine {self.engine}; "
            f"detector {self.detector} on {calls} frames (every {self.detect_every})",
            "",
            f"{'stage':<10}{'ms/frame':>10}{'ms/call':>10}{'calls':>8}{'share':>8}",
        ]
        lines += [self._format_row(stage, total) for stage in STAGES]
        lines.append(f"{'total':<10}{1e3 * total / max(self.frames, 1):>10.2f}")
        lines += ["", *(f"saved {path}" for path in self.saved)]
        lines += [f"note: {note}" for note in self.notes]
        return "\n".join(lines)

    def _format_row(self, stage: str, total: float) -> str:
        seconds, calls = self.timer.seconds.get(stage, 0.0), self.timer.calls.get(stage, 0)
        frame, call = 1e3 * seconds / max(self.frames, 1), 1e3 * seconds / max(calls, 1)
        share = seconds / total if total else 0.0
        return f"{stage:<10}{frame:>10.2f}{call:>10.2f}{calls:>8}{share:>8.0%}"


class Progress:
    """A progress bar: frames, fps, time left, tracks, and milliseconds by stage.

    Prints nothing where stderr is not a terminal, or when ``quiet``.
    """

    def __init__(self, report: RunReport, length: int | None, *, quiet: bool = False) -> None:
        self._report = report
        self._bar = tqdm(
            total=length,
            desc=report.name,
            unit="frame",
            disable=True if quiet else not sys.stderr.isatty(),
            dynamic_ncols=True,
        )

    def update(self, tracks: Tracks) -> None:
        """Advance by one frame."""
        if self._bar.update():
            self._bar.set_postfix_str(self._format_status(len(tracks)), refresh=False)

    def _format_status(self, tracks: int) -> str:
        frames = max(self._report.frames, 1)
        seconds = self._report.timer.seconds
        times = (f"{stage} {1e3 * seconds.get(stage, 0) / frames:.1f}" for stage in STAGES)
        return f"{tracks} tracks; ms: {', '.join(times)}"

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()

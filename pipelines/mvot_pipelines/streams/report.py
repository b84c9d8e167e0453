"""The report of several streams together."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from mvot_pipelines.report import RunReport
from mvot_plugin.errors import escape_line

__all__ = ["StreamsReport"]

_LONGEST_NAME = 24


@dataclass(kw_only=True)
class StreamsReport:
    """What a run of several streams did."""

    reports: Sequence[RunReport]
    """Those of the streams."""
    seconds: float = 0.0
    """From the first stream's start until all outputs were complete."""
    notes: list[str] = field(default_factory=list)
    """Warnings that are about no stream alone."""
    interrupted: bool = False
    """Whether a signal ended the run."""

    @property
    def frames(self) -> int:
        """Frames written, of all streams together."""
        return sum(report.frames for report in self.reports)

    def summary(self) -> str:
        """The report as text: a headline, a row for each stream, saved files, and notes."""
        fps = self.frames / self.seconds if self.seconds else 0.0
        calls = sum(report.detector_calls for report in self.reports)
        first = self.reports[0]
        lines = [
            f"{len(self.reports)} streams: {self.frames} frames in {self.seconds:.1f} s ({fps:.0f} "
            "fps together)",
            f"engine {first.engine}; detector {first.detector} on {calls} frames",
            "",
            f"{'stream':<24}{'frames':>8}{'fps':>6}{'video':>7}{'boxes':>9}{'ids':>6}"
            f"{'detector':>10}{'dropped':>9}{'latency':>9}",
            *map(_format_row, self.reports),
            "",
        ]
        lines += [f"saved {path}" for report in self.reports for path in report.saved]
        lines += [f"note: {note}" for note in self.notes]
        lines += [f"note: {r.name}: {note}" for r in self.reports for note in r.notes]
        return "\n".join(lines)


def _format_row(report: RunReport) -> str:
    """A stream's numbers; its latency is the median."""
    fps = report.frames / report.seconds if report.seconds else 0.0
    name = escape_line(report.name)
    if len(name) >= _LONGEST_NAME:
        name = f"{name[:10]}..{name[-11:]}"
    dropped = str(report.dropped) if report.is_live else "-"
    latency = f"{report.latency(0.5)} ms" if report.is_live else "-"
    return (
        f"{name:<24}{report.frames:>8}{fps:>6.0f}{report.frame_rate:>7.3g}{report.boxes:>9}"
        f"{report.tracks:>6}{report.detector_calls:>10}{dropped:>9}{latency:>9}"
    )

"""The progress of a run, in a line of a terminal."""

import os
import sys
from contextlib import suppress
from typing import Any

from tqdm import tqdm

from mvot_pipelines.report import STAGES, RunReport
from mvot_plugin.types import Tracks

__all__ = ["Progress"]

_LONGEST_NAME = 18
_WIDE = 150
"""Columns from which on a line says more."""
_WITH_END = (
    "{desc}: {percentage:3.0f}% {bar} {n_fmt}/{total_fmt} {rate_fmt} {remaining} left{postfix}"
)
_WITHOUT_END = "{desc}: {elapsed} {n_fmt} {rate_fmt}{postfix}"


class Progress:
    """A progress bar of one line: frames, frames a second, time left, tracks.

    Of a live run it shows frames that were dropped, and latency; in a wide terminal, also the
    milliseconds of each stage. It prints nothing where stderr is not a terminal, or when ``quiet``.

    Args:
        report: what is known of the run.
        length: the expected number of frames; None where it is unknown.
        quiet: whether nothing is printed.
        row: the line of the terminal that it takes, of a run with several, which ends with
            ``close``; None where it is alone.
    """

    def __init__(
        self, report: RunReport, length: int | None, *, quiet: bool = False, row: int | None = None
    ) -> None:
        self._report, self._quiet, self._row = report, quiet, row
        self._bar: tqdm[Any] = tqdm(
            total=length,
            position=row,
            leave=row is None,
            desc=_shorten(report.name),
            unit="f",
            disable=True if quiet else not sys.stderr.isatty(),
            bar_format=_WITH_END if length and not report.is_live else _WITHOUT_END,
            dynamic_ncols=True,
        )

    def update(self, tracks: Tracks) -> None:
        """Advance by one frame."""
        if self._bar.update():
            self._bar.set_postfix_str(self._format_status(len(tracks)), refresh=False)

    def tell(self, message: str) -> None:
        """Print at once, from any thread, what has happened in a live run."""
        if self._report.is_live and not self._quiet:
            who = "" if self._row is None else f"{self._report.name}: "
            with suppress(OSError):  # nobody may read it any more
                tqdm.write(f"mvot-run: {who}{message}", file=sys.stderr)

    def _format_status(self, tracks: int) -> str:
        report, is_wide = self._report, _count_columns() >= _WIDE
        if report.is_live and is_wide:
            return f"{tracks} tracks; {report.format_live()}"
        if report.is_live:
            return f"{tracks} tracks, {report.dropped} dropped, latency {report.latency(0.5)} ms"
        if not is_wide:
            return f"{tracks} tracks"
        times = (
            f"{stage} {1e3 * report.work(stage) / max(report.frames, 1):.1f}" for stage in STAGES
        )
        return f"{tracks} tracks; ms: {', '.join(times)}"

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.refresh()
        if self._row is None:
            self.close()

    def close(self) -> None:
        """End the line; those of several streams vanish, and stay until then."""
        self._bar.close()


def _shorten(name: str) -> str:
    """A name without its middle, where it is long."""
    if len(name) <= _LONGEST_NAME:
        return name
    half = (_LONGEST_NAME - 2) // 2
    return f"{name[:half]}..{name[-half:]}"


def _count_columns() -> int:
    """The columns of the terminal; 80 where there is none."""
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns
    except (OSError, ValueError):
        return 80

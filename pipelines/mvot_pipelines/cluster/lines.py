"""The progress of a cluster, in a line of a terminal, and what happens to workers."""

import sys
import time
from contextlib import suppress
from typing import Any

from tqdm import tqdm

from mvot_plugin.errors import format_line

__all__ = ["ProgressLine"]

_FORMAT = "{desc}: {percentage:3.0f}% {bar} {n_fmt}/{total_fmt} pieces {remaining} left{postfix}"
_WITHOUT_END = "{desc}: {elapsed}{postfix}"


class ProgressLine:
    """Shows pieces that are done, frames a second, and workers; a context manager.

    Args:
        pieces: How many pieces there are; None for live streams.
        workers: How many workers were asked for.
        quiet: Whether nothing is printed; it also prints no line where stderr is no terminal.
    """

    def __init__(self, pieces: int | None, workers: int, *, quiet: bool = False) -> None:
        self._workers, self._quiet, self._start = workers, quiet, time.monotonic()
        self._bar: tqdm[Any] = tqdm(
            total=pieces,
            desc="mvot-cluster",
            disable=True if quiet else not sys.stderr.isatty(),
            bar_format=_FORMAT if pieces else _WITHOUT_END,
            dynamic_ncols=True,
        )

    def update(self, frames: int, ready: int, *, pieces: int = 0) -> None:
        """Show how many frames were tracked so far, and how many workers are ready."""
        rate = frames / max(time.monotonic() - self._start, 1e-3)
        self._bar.set_postfix_str(
            f"{rate:.0f} frames/s, {ready} of {self._workers} workers", refresh=False
        )
        self._bar.update(pieces)

    def tell(self, message: str) -> None:
        """Print at once what has happened."""
        if not self._quiet:
            with suppress(OSError):  # nobody may read it any more
                tqdm.write(f"mvot-cluster: {format_line(message)}", file=sys.stderr)

    def __enter__(self) -> "ProgressLine":
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()

"""The sink protocol."""

from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, Protocol, TypeVar, runtime_checkable

from mvot_pipelines.counting import Count
from mvot_plugin.errors import OutputError
from mvot_plugin.types import Frame, Tracks

__all__ = ["Sink", "StopRun", "claim_output"]

SinkT = TypeVar("SinkT", bound="Sink")


class StopRun(Exception):  # noqa: N818 - it is no error
    """Raised by a sink when the user asks to stop: the run ends as at the end of the video."""


@runtime_checkable
class Sink(Protocol):
    """Writes every frame with its tracks; a context manager.

    The output is opened on construction, so that a run fails before tracking starts if it cannot
    be written.

    Raises:
        OutputError: where the output cannot be written; names it.

    Examples:
        >>> from mvot_pipelines import MotPipeline
        >>> from mvot_pipelines.sinks import Sink
        >>> from mvot_synthetic import NoisyDetector, street
        >>> class CountingSink(Sink):
        ...     ids = frozenset()
        ...     def write(self, frame, tracks, counts=()):
        ...         self.ids |= set(tracks.id.tolist())
        >>> scene = street(seed=2, size=(320, 240), frames=5)
        >>> with CountingSink() as sink:
        ...     for frame, tracks in MotPipeline(NoisyDetector(scene), "hold").run(scene):
        ...         sink.write(frame, tracks)
        >>> len(sink.ids) > 0
        True
    """

    @property
    def notes(self) -> list[str]:
        """What a report should say about the output, once it is closed."""
        return []

    def write(self, frame: Frame, tracks: Tracks, counts: Sequence[Count] = ()) -> None:
        """Write the tracks of one frame.

        Args:
            frame: the frame.
            tracks: its N tracks, with boxes in pixels of the frame.
            counts: what lines and zones have counted up to it.
        """

    def close(self) -> None:
        """Finish the output; a second call does nothing."""

    def __enter__(self: SinkT) -> SinkT:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def claim_output(path: Path) -> BinaryIO:
    """Create or empty the file at ``path``, with its folders, unbuffered.

    Raises ``OutputError`` with the reason of the operating system.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("wb", buffering=0)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror}") from error

"""The sink that shows a stream on a page."""

from collections.abc import Sequence

from mvot_pipelines.counting import Count
from mvot_pipelines.serve.state import LiveState
from mvot_pipelines.sinks.base import Sink, StopRun
from mvot_plugin.errors import MvotError
from mvot_plugin.types import Frame, Tracks

__all__ = ["ServeSink", "describe_end"]


class ServeSink(Sink):
    """Shows a stream on a page; ``Page.open_stream`` makes it.

    Clients never keep the tracker waiting: they get the newest frame, which is drawn in another
    thread, and only while somebody watches. Images must stay as they are after ``write``.

    Args:
        state: what is known of the stream.
    """

    def __init__(self, state: LiveState) -> None:
        self._state = state

    def write(self, frame: Frame, tracks: Tracks, counts: Sequence[Count] = ()) -> None:
        """Show a frame with its tracks, and what lines and zones have counted."""
        self._state.put(frame, tracks, counts)

    def close(self) -> None:
        """Tell the clients that the stream has ended; again does nothing."""
        self._state.end()

    def __exit__(self, *raised: object) -> None:
        """Close; an error that ends the ``with`` statement is told to the clients."""
        self._state.end(describe_end(raised[1]))


def describe_end(error: object) -> str | None:
    """What clients are told of an error that ended a stream; None where it was none."""
    if not isinstance(error, Exception) or isinstance(error, StopRun):
        return None
    return str(error) if isinstance(error, MvotError) else "an internal error"

"""The streams that a page shows."""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from urllib.parse import quote, unquote_to_bytes

from mvot_pipelines.report import RunReport
from mvot_pipelines.serve.picture import LivePicture
from mvot_pipelines.serve.state import LiveState
from mvot_pipelines.serve.tile import TilePicture
from mvot_plugin.errors import UsageError, format_value

__all__ = ["LiveStream", "LiveStreams", "read_key"]

_MOST_ENDED = 32
"""Streams that have ended and are still shown when another begins: each holds a frame."""


@dataclass(frozen=True, kw_only=True, eq=False)
class LiveStream:
    """A stream, and its pictures."""

    state: LiveState
    picture: LivePicture
    """In full size."""
    tile: TilePicture
    """In small."""


class LiveStreams:
    """The streams by their names, in a given order or that of their opening; any thread may ask.

    Args:
        executor: where pictures are drawn, one at a time.
        clock: returns seconds, as ``Frame.captured`` has them.
        order: names in the order in which they are shown; others come after them.
    """

    def __init__(
        self, executor: Executor, clock: Callable[[], float], order: Sequence[str] = ()
    ) -> None:
        self._executor, self._clock = executor, clock
        self._places = {name: place for place, name in enumerate(order)}
        self._lock, self._streams = threading.Lock(), dict[str, LiveStream]()

    def open(self, report: RunReport, class_names: Mapping[int, str] | None) -> LiveState:
        """Add a stream; where many have ended, those of them that came first are forgotten.

        Raises ``UsageError`` where there is a stream of this name, or one that looks the same.
        """
        state = LiveState(report, class_names, self._clock)
        stream = LiveStream(
            state=state,
            picture=LivePicture(state, self._executor),
            tile=TilePicture(state, self._executor),
        )
        with self._lock:
            if any(state.name == other.name for other in self.states()):
                raise UsageError(
                    f"the page has a stream {format_value(report.name)} already; choose another "
                    "name"
                )
            ended = [key for key, one in self._streams.items() if one.state.has_ended]
            forgotten = ended[: max(0, len(ended) - _MOST_ENDED)]
            kept = [(key, one) for key, one in self._streams.items() if key not in forgotten]
            shown = sorted([*kept, (state.key, stream)], key=self._find_place)
            self._streams = dict(shown)  # those who read go on with the old one
        return state

    def _find_place(self, entry: tuple[str, LiveStream]) -> int:
        return self._places.get(entry[1].state.report.name, len(self._places))

    def __iter__(self) -> Iterator[LiveStream]:
        return iter(self._streams.values())

    def states(self) -> list[LiveState]:
        """What is known of each."""
        return [stream.state for stream in self]

    def find(self, key: str | None) -> LiveStream | None:
        """The stream of a key, or the first one; None where there is none."""
        streams = self._streams
        return next(iter(streams.values()), None) if key is None else streams.get(key)


def read_key(query: bytes) -> str | None:
    """The key (``LiveState.key``) of the stream that a query names; None where it names none.

    Names are compared as bytes, since they need not be valid UTF-8.
    """
    for part in query.split(b"&"):
        name, _, value = part.partition(b"=")
        if name == b"stream":
            return quote(unquote_to_bytes(value.replace(b"+", b" ")), safe="")
    return None

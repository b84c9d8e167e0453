"""Sending what is written in a thread of its own, without keeping the tracker waiting."""

import json
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from typing import Protocol, runtime_checkable

import numpy as np

from mvot_pipelines.counting import Count
from mvot_pipelines.sinks.base import Sink
from mvot_pipelines.sinks.description import FrameDescription
from mvot_plugin.errors import describe_error
from mvot_plugin.types import Frame, Tracks

__all__ = ["PublishSink", "Sender"]

_MOST_WAITING, _MOST_AT_ONCE = 1000, 100
"""Frames that wait to be sent, of which the oldest give way to new ones; and those of a call."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 5.0
"""Seconds until what failed is tried again; each time twice as many."""
_CLOSING_SECONDS = 3.0
"""For which the end of a run waits until all is sent, and then for what is on its way."""


@runtime_checkable
class Sender(Protocol):
    """Sends messages somewhere; after construction it is used in one thread alone.

    Raises:
        OutputError: where messages cannot be sent.
    """

    name: str
    """Where, without passwords, for messages."""

    def send(self, messages: Sequence[bytes]) -> None:
        """Send messages in order.

        Args:
            messages: one or more, each a JSON object.

        Raises:
            Exception: any, where one is not taken; they are sent again.
        """
        ...

    def close(self) -> None:
        """End the connection."""
        ...


class PublishSink(Sink):
    """Sends a JSON object for each frame: ``frame``, ``timestamp`` and ``tracks``.

    ``tracks`` is a list with the keys of ``JsonLinesSink``; with lines and zones there is
    ``counts``, for live sources ``captured`` and ``delay``. The receiver may be slow or away: a
    thousand frames wait for it, and then the oldest are left out, which the report notes. What
    failed is sent again, so that a frame may arrive twice.

    Args:
        sender: sends them; the sink closes it.
        class_names: the names of the classes by number, where the tracks have none.
        clock: that of ``Frame.captured``.
        stream: the stream's name, which each object has as ``stream``; None leaves it out.

    Examples:
        >>> import json
        >>> import numpy as np
        >>> from mvot_pipelines.sinks.publish import PublishSink
        >>> from mvot_plugin import Frame, Tracks
        >>> class PrintSender:
        ...     name = "the screen"
        ...     def send(self, messages): print(*messages)
        ...     def close(self): pass
        >>> frame = Frame(image=np.zeros((240, 320, 3), np.uint8), index=0, timestamp=0.0)
        >>> with PublishSink(PrintSender()) as sink:
        ...     sink.write(frame, Tracks.empty())
        b'{"frame": 0, "timestamp": 0.0, "tracks": []}'
    """

    def __init__(
        self,
        sender: Sender,
        *,
        class_names: Mapping[int, str] | None = None,
        clock: Callable[[], float] = time.monotonic,
        stream: str | None = None,
    ) -> None:
        self._sender, self._describe = sender, FrameDescription(class_names, clock, stream)
        self._waiting: deque[bytes] = deque(maxlen=_MOST_WAITING)
        self._changed = threading.Condition()
        self._written = self._sent = 0
        self._reason = "it takes them too slowly"
        self._is_closing = self._gives_up = False
        self._thread = threading.Thread(target=self._run, name="publish", daemon=True)
        self._thread.start()

    def write(self, frame: Frame, tracks: Tracks, counts: Sequence[Count] = ()) -> None:
        """Hand over a frame to be sent; never waits."""
        order = np.argsort(tracks.id, kind="stable")
        message = self._describe.frame(frame) | self._describe.times(frame)
        message["tracks"] = self._describe.tracks(frame, tracks[order])
        if counts:
            message["counts"] = [count.to_dict() for count in counts]
        data = json.dumps(message, allow_nan=False).encode()
        with self._changed:
            self._waiting.append(data)
            self._written += 1
            self._changed.notify()

    @property
    def notes(self) -> list[str]:
        """How many frames were not sent, and why; after ``close``."""
        lost = self._written - self._sent
        return [f"{lost} frames were not sent to {self._sender.name} ({self._reason})"] * bool(lost)

    def close(self) -> None:
        """Send what is left, for some seconds at most; a second call does nothing."""
        if self._is_closing:
            return
        with self._changed:
            self._is_closing = True
            self._changed.notify()
        self._thread.join(_CLOSING_SECONDS)
        with self._changed:
            self._gives_up = True
            self._waiting.clear()
            self._changed.notify()
        self._thread.join(_CLOSING_SECONDS)

    def _run(self) -> None:
        """Send what waits, until the sink is closed."""
        pause = _FIRST_PAUSE
        try:
            while batch := self._take():
                if self._try(batch):
                    self._sent += len(batch)
                    pause = _FIRST_PAUSE
                else:
                    self._put_back(batch, pause)
                    pause = min(2 * pause, _LONGEST_PAUSE)
        finally:
            self._sender.close()

    def _try(self, batch: list[bytes]) -> bool:
        """Whether messages were sent."""
        try:
            self._sender.send(batch)
        except Exception as error:
            self._reason = describe_error(error)
            return False
        return True

    def _take(self) -> list[bytes]:
        """The next messages, waited for; none where there will be no more."""
        with self._changed:
            while not self._waiting and not self._is_closing:
                self._changed.wait()
            return [self._waiting.popleft() for _ in range(min(len(self._waiting), _MOST_AT_ONCE))]

    def _put_back(self, batch: list[bytes], pause: float) -> None:
        """Let messages wait again, as far as there is room, and pause."""
        with self._changed:
            if not self._gives_up:
                room = _MOST_WAITING - len(self._waiting)
                self._waiting.extendleft(islice(reversed(batch), room))
            closing = self._is_closing
            self._changed.wait_for(
                lambda: self._gives_up or self._is_closing is not closing,
                _FIRST_PAUSE if closing else pause,
            )

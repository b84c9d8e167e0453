"""Reading frames in a thread, of which the newest is kept."""

import atexit
import threading
from collections.abc import Callable, Generator
from contextlib import closing

from mvot_plugin.types import Frame

__all__ = ["NewestFrame"]


class NewestFrame:
    """Reads frames in a daemon thread, and keeps the newest for another thread to take.

    Args:
        read: Returns the frames, given an event that is set once no more are wanted. It runs in
            the thread, and is closed there.
        patience: The seconds that one frame may take; ``stop`` waits a second longer.
    """

    def __init__(
        self, read: Callable[[threading.Event], Generator[Frame, None, None]], patience: float = 2.0
    ) -> None:
        self.dropped = 0
        """Frames that were replaced before anybody took them, up to the one taken last."""
        self._read, self._stopped, self._patience = read, threading.Event(), patience
        self._changed = threading.Condition()
        self._frame: Frame | None = None
        self._replaced, self._finished = 0, False
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="mvot-source", daemon=True)
        self._thread.start()
        atexit.register(self.stop)  # a thread within OpenCV at the interpreter's end may abort it

    @property
    def has_ended(self) -> bool:
        """Whether nothing is left to take: no frame, and no error."""
        with self._changed:
            is_empty = self._frame is None and self._error is None
            return self._stopped.is_set() or (self._finished and is_empty)

    def take(self, timeout: float) -> Frame | None:
        """The newest frame that was not taken yet, or the next one.

        Returns:
            None if none came within ``timeout`` seconds, or there are no more.

        Raises:
            Exception: what ended the reading, once its last frame was taken.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._frame is not None or self._finished, timeout)
            if self._stopped.is_set():
                return None
            frame, self._frame = self._frame, None
            self.dropped, self._replaced = self.dropped + self._replaced, 0
        if frame is None and self._error is not None:
            raise self._error
        return frame

    def interrupt(self) -> None:
        """Ask the thread to end; from any thread, and from signal handlers."""
        self._stopped.set()

    def stop(self) -> None:
        """End the thread; a second call is harmless.

        One that is stuck in OpenCV is left behind, and waited for again at the interpreter's end.
        """
        self.interrupt()
        self._thread.join(self._patience + 1)
        if not self._thread.is_alive():
            atexit.unregister(self.stop)

    def _run(self) -> None:
        try:
            with closing(self._read(self._stopped)) as frames:
                for frame in frames:
                    self._put(frame)
                    if self._stopped.is_set():
                        break
        except Exception as error:
            self._error = error
        with self._changed:
            self._finished = True
            self._changed.notify_all()

    def _put(self, frame: Frame) -> None:
        with self._changed:
            self._replaced += self._frame is not None
            self._frame = frame
            self._changed.notify_all()

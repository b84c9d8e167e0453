"""The detection stage in a process of its own."""

import multiprocessing
import pickle
import signal
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess

from mvot_pipelines.detection.stage import Answer
from mvot_plugin.errors import UsageError, describe_error
from mvot_plugin.threads import start_process
from mvot_plugin.types import Frame

__all__ = ["ProcessStage"]

_SPAWN = multiprocessing.get_context("spawn")
_ENDING_SECONDS = 1.0


class ProcessStage:
    """A detection stage in another process, for detectors that hold the interpreter, or may hang.

    The process begins with the first frame, and again after it ended.

    Args:
        build: makes the stage, in that process; it must be picklable, and so must what it holds.

    Raises:
        UsageError: where ``build`` cannot be pickled.
    """

    def __init__(self, build: Callable[[], Callable[[Frame], Answer]]) -> None:
        try:
            pickle.dumps(build)
        except Exception as error:
            raise UsageError(
                "this detector or embedder cannot be sent to a process of its own "
                f"({describe_error(error)}); give a name, a path or a function of a module, or run "
                "it in a thread"
            ) from error
        self._build, self._lock, self._stops = build, threading.Lock(), 0
        self._process: SpawnProcess | None = None
        self._connection: Connection | None = None

    def __call__(self, frame: Frame) -> Answer:
        """Run the stage on a frame, and wait for its answer."""
        connection = self._connection
        try:
            connection = connection or self._start()
            connection.send(frame)
            answer: Answer | Exception = connection.recv()
        except (EOFError, OSError):
            return Answer(detections=None, error=RuntimeError(self._describe_end(connection)))
        except Exception as error:  # an exception that only the other process can make
            return Answer(detections=None, error=error)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def stop(self) -> None:
        """End the process; a frame that it is at work on is answered by an error."""
        with self._lock:
            process, self._process, self._connection = self._process, None, None
            self._stops += 1
        if process is not None:
            process.kill()
            process.join(_ENDING_SECONDS)

    def _start(self) -> Connection:
        """Start the process; returns our end of the connection.

        Raises ``EOFError`` where it was stopped in the meantime.
        """
        stops, (ours, theirs) = self._stops, _SPAWN.Pipe()
        arguments = self._build, theirs
        process = _SPAWN.Process(target=_serve, args=arguments, name="detector", daemon=True)
        start_process(process)
        theirs.close()
        with self._lock:
            if self._stops == stops:
                self._process, self._connection = process, ours
                return ours
        process.kill()
        raise EOFError

    def _describe_end(self, connection: Connection | None) -> str:
        """How the process ended; forget it, unless another one has taken its place."""
        code = None
        process = self._process
        if connection is not None and self._connection is connection and process is not None:
            process.join(_ENDING_SECONDS)
            code = process.exitcode
            self.stop()
        if connection is not None:
            connection.close()
        return "its process has ended" + ("" if code is None else f" (exit code {code})")


def _serve(build: Callable[[], Callable[[Frame], Answer]], connection: Connection) -> None:
    """Answer one frame after another, until the connection is closed.

    An interrupt of the terminal is the other process' affair.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    stage: Callable[[Frame], Answer] | None = None
    while True:
        try:
            frame: Frame = connection.recv()
        except EOFError:
            return
        answer: Answer | Exception
        try:
            stage = stage or build()
        except BaseException as error:
            connection.send(_make_picklable(Answer(detections=None, error=error)))
            continue
        try:
            answer = stage(frame)
        except Exception as error:
            answer = error
        except BaseException as error:
            answer = Answer(detections=None, error=error)
        connection.send(_make_picklable(answer))


def _make_picklable(answer: Answer | Exception) -> Answer | Exception:
    """The same, or a ``RuntimeError`` with the text of an exception that cannot be pickled."""
    error = answer if isinstance(answer, Exception) else answer.error
    try:
        pickle.loads(pickle.dumps(error))
        return answer
    except Exception:
        plain = RuntimeError(describe_error(error) if error else "its answer cannot be sent")
        return plain if isinstance(answer, Exception) else Answer(detections=None, error=plain)

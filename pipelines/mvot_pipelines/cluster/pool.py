"""Workers in a Ray cluster, and the pieces that they track.

Ray places the workers and starts those that died anew; a piece whose worker died goes to the next
one that is free.
"""

import math
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mvot_pipelines.cluster.config import ClusterConfig
from mvot_pipelines.cluster.pieces import Piece, PieceResult
from mvot_pipelines.cluster.worker import Description, Worker
from mvot_pipelines.config import RunConfig
from mvot_plugin.errors import InputError, MvotError

__all__ = ["Pool", "Task", "is_death", "place_workers"]

_POLL_SECONDS = 0.2
_PATIENCE_SECONDS = 30.0


@dataclass(frozen=True, kw_only=True)
class Task:
    """A piece to be tracked."""

    recording: int
    """Which recording it is of."""
    config: RunConfig
    """The settings of that recording."""
    piece: Piece


def place_workers(
    ray: Any, config: ClusterConfig, settings: RunConfig, count: int, streams: int = 0
) -> list[Any]:
    """Ask Ray for so many workers; they start when there is room.

    Args:
        ray: The module.
        config: What each asks for.
        settings: The settings that hold for all that they track.
        count: How many.
        streams: The most live streams that each tracks at a time; 0 for recordings.

    Returns:
        The actors.
    """
    actor = ray.remote(
        num_cpus=config.cpus,
        num_gpus=config.gpus,
        max_restarts=-1,
        max_concurrency=streams + 2 if streams else 1,
    )(Worker)
    return [actor.remote(settings, str(Path.cwd()), streams) for _ in range(count)]


def is_death(ray: Any, error: BaseException) -> bool:
    """Whether Ray says by an error that a worker, or its machine, is gone."""
    errors = ray.exceptions
    return isinstance(error, errors.RayError) and not isinstance(error, errors.RayTaskError)


class Pool:
    """Tracks pieces on workers, as many at a time as there are workers.

    Args:
        ray: The module.
        workers: The actors.
        tries: How many workers may end on a piece.

    Attributes:
        ready: Workers that have loaded engine and detector.
        deaths: How many workers died so far.
        description: What they have loaded; None before the first one is ready.
    """

    def __init__(self, ray: Any, workers: list[Any], tries: int) -> None:
        self._ray, self._tries = ray, tries
        self._waiting: dict[Any, tuple[Any, Task | None]] = {}
        self._queue: deque[Task] = deque()
        self._deaths: Counter[Any] = Counter()
        self._idle: list[Any] = []
        self.ready: set[Any] = set()
        self.deaths = 0
        self.description: Description | None = None
        for worker in workers:
            self._ask(worker)

    def start(self, interrupted: threading.Event, tell: Callable[[str], None]) -> Description:
        """Wait for the first worker; returns what it has loaded.

        Args:
            interrupted: Ends the waiting.
            tell: Is told where that takes long.

        Raises:
            MvotError: The workers cannot load what the settings name.
            KeyboardInterrupt: The user interrupts.
        """
        late = time.monotonic() + _PATIENCE_SECONDS
        while self.description is None:
            list(self._wait())
            if interrupted.is_set():
                raise KeyboardInterrupt
            if time.monotonic() > late:
                tell("no worker is ready yet: they wait for room in the cluster, or still load")
                late = math.inf
        return self.description

    def put(self, task: Task) -> None:
        """Add a piece; it is tracked before those that were added and not begun."""
        self._queue.appendleft(task)

    def drop(self, recording: int) -> None:
        """Leave out the pieces of a recording that are not begun."""
        self._queue = deque(task for task in self._queue if task.recording != recording)

    def run(
        self, tasks: list[Task], interrupted: threading.Event
    ) -> Iterator[tuple[Task, PieceResult | MvotError]]:
        """Track pieces; yields what comes of each, in the order in which they are done.

        Raises ``MvotError`` where the workers cannot load what the settings name.
        """
        self._queue.extend(tasks)
        while self._queue or any(task for _, task in self._waiting.values()):
            while self._idle and self._queue:
                worker, task = self._idle.pop(), self._queue.popleft()
                self._waiting[worker.track.remote(task.config, task.piece)] = worker, task
            yield from self._wait()
            if interrupted.is_set():
                return

    def _wait(self) -> Iterator[tuple[Task, PieceResult | MvotError]]:
        """Wait a while for an answer of a worker; yields it if that is the end of a piece."""
        if not self._waiting:
            raise InputError(
                f"all workers ended while they loaded engine and detector, {self._tries} times "
                "each: is there enough memory for them?"
            )
        done, _ = self._ray.wait(list(self._waiting), num_returns=1, timeout=_POLL_SECONDS)
        for reference in done:
            answer = self._take(reference)
            if answer is not None:
                yield answer

    def _take(self, reference: Any) -> tuple[Task, PieceResult | MvotError] | None:
        """What a call has answered, if that is the end of a piece."""
        worker, task = self._waiting.pop(reference)
        try:
            answer = self._ray.get(reference)
        except self._ray.exceptions.RayError as error:
            if not is_death(self._ray, error):
                raise getattr(error, "cause", None) or error from None
            return self._bury(worker, task)
        self._idle.append(worker)
        if task is not None:
            return task, answer
        if isinstance(answer, MvotError):
            raise answer
        self.description = self.description or answer
        self.ready.add(worker)
        return None

    def _bury(self, worker: Any, task: Task | None) -> tuple[Task, MvotError] | None:
        """After a worker died: wait for the one that Ray starts for it, and repeat its piece."""
        self.deaths += 1
        self.ready.discard(worker)
        key = worker if task is None else (task.recording, task.piece.number)
        self._deaths[key] += 1
        is_given_up = self._deaths[key] >= self._tries
        if task is not None or not is_given_up:
            self._ask(worker)
        if task is not None and is_given_up:
            return task, InputError(
                f"{self._tries} workers ended while they tracked frames {task.piece.start} to "
                f"{task.piece.stop or 'the end'} of {task.config.source}: check that mvot-run "
                "tracks it on one machine, and that a worker has enough memory"
            )
        if task is not None:
            self._queue.appendleft(task)
        return None

    def _ask(self, worker: Any) -> None:
        """Have a worker load; it answers when it runs."""
        self._waiting[worker.describe.remote()] = worker, None

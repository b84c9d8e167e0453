"""Live streams on a cluster: each is tracked by a worker, and written here."""

import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

from mvot_pipelines.cluster.config import ClusterConfig
from mvot_pipelines.cluster.following import FollowedStream, RemoteSource
from mvot_pipelines.cluster.lines import ProgressLine
from mvot_pipelines.cluster.pool import Pool, is_death, place_workers
from mvot_pipelines.cluster.session import count_workers, open_session
from mvot_pipelines.config import RunConfig
from mvot_pipelines.interrupts import catch_interrupts
from mvot_pipelines.outputs import check_together, choose_outputs
from mvot_pipelines.streams.report import StreamsReport
from mvot_plugin.errors import InputError, MvotError

__all__ = ["run_live"]

_POLL_SECONDS, _ENDING_SECONDS = 0.2, 10.0


def run_live(
    configs: Sequence[RunConfig], cluster: ClusterConfig, config_files: Sequence[str] = ()
) -> StreamsReport:
    """Track live streams on a cluster until they end, or the user interrupts.

    Args:
        configs: The settings of each, with a name of its own.
        cluster: Where the work is done.
        config_files: Files that no output may replace.

    Returns:
        The reports; errors of single streams are in them.

    Raises:
        MvotError: What goes wrong before.
    """
    sources = [RemoteSource(config.name or "") for config in configs]
    outputs = [choose_outputs(c, s, config_files) for c, s in zip(configs, sources, strict=True)]
    if len(configs) > 1:
        check_together(outputs, sources, configs)
    with ExitStack() as stack:
        interrupted = stack.enter_context(catch_interrupts(lambda: None))
        ray = stack.enter_context(open_session(cluster))
        count = count_workers(ray, cluster, len(configs))
        workers = place_workers(ray, cluster, configs[0], count, len(configs))
        stack.callback(lambda: [ray.kill(worker) for worker in workers])
        streams = [FollowedStream(*parts) for parts in zip(configs, sources, outputs, strict=True)]
        with ProgressLine(None, count, quiet=configs[0].quiet) as line:
            loaded = Pool(ray, workers, cluster.tries).start(interrupted, line.tell)
            begin = time.perf_counter()
            for stream in streams:
                stack.callback(stream.close)
                stream.report.detector = loaded.detector
            for warning in loaded.notes:
                line.tell(f"warning: {warning}")
            _Followers(ray, workers, streams, cluster.tries, line).run(interrupted)
        for stream in streams:
            stream.close()
            stream.report.interrupted = interrupted.is_set()
        return StreamsReport(
            reports=[stream.report for stream in streams],
            seconds=time.perf_counter() - begin,
            notes=list(loaded.notes),
            interrupted=interrupted.is_set(),
        )


class _Followers:
    """Places streams on workers, the next one where there are the fewest, and follows them."""

    def __init__(
        self,
        ray: Any,
        workers: Sequence[Any],
        streams: Sequence[FollowedStream],
        tries: int,
        line: ProgressLine,
    ) -> None:
        self._ray, self._workers, self._tries, self._line = ray, workers, tries, line
        self._running: dict[Any, tuple[int, FollowedStream]] = {}
        self._starting: dict[Any, int] = {}
        for stream in streams:
            self._place(stream)

    def run(self, interrupted: threading.Event) -> None:
        """Write what comes, until all streams have ended."""
        until = None
        while self._running:
            if interrupted.is_set() and until is None:
                until = time.monotonic() + _ENDING_SECONDS
                for worker in self._workers:
                    worker.interrupt.remote()
            if until is not None and time.monotonic() > until:
                return
            done, _ = self._ray.wait(
                [*self._starting, *self._running], num_returns=1, timeout=_POLL_SECONDS
            )
            for waited in done:
                if waited in self._starting:
                    self._count_in(waited)
                else:
                    self._take(waited, interrupted)
            frames = sum(stream.report.frames for _, stream in self._running.values())
            self._line.update(frames, len(self._workers) - len(set(self._starting.values())))

    def _place(self, stream: FollowedStream) -> None:
        """Have the worker with the fewest streams follow one; those that start anew come last."""
        loads = [0] * len(self._workers)
        for number, _ in self._running.values():
            loads[number] += 1
        absent = set(self._starting.values())
        number = min(range(len(loads)), key=lambda n: (n in absent, loads[n], n))
        method = self._workers[number].follow.options(num_returns="streaming")
        self._running[method.remote(stream.config)] = number, stream

    def _take(self, generator: Any, interrupted: threading.Event) -> None:
        """Write what a worker has sent of a stream, or see why it has ended."""
        number, stream = self._running.pop(generator)
        try:
            batch = self._ray.get(next(generator))
            if isinstance(batch, MvotError):
                raise batch
            for event in batch.events:
                self._line.tell(event)
            stream.write(batch)
        except StopIteration:
            stream.is_done = True
            stream.close()
        except MvotError as error:
            stream.report.error, stream.is_done = error, True
            stream.close()
        except self._ray.exceptions.RayError as error:
            if not is_death(self._ray, error):
                raise getattr(error, "cause", None) or error from None
            self._move(number, stream, interrupted)
        else:
            self._running[generator] = number, stream  # behind the others, whose turn is next

    def _move(self, number: int, stream: FollowedStream, interrupted: threading.Event) -> None:
        """After a worker died: open its stream on another one, or on the one that replaces it."""
        if number not in self._starting.values():
            self._starting[self._workers[number].describe.remote()] = number
        stream.deaths += 1
        name, tries = stream.report.name, self._tries
        if interrupted.is_set():
            return
        if stream.deaths >= tries:
            stream.report.error = InputError(
                f"{tries} workers ended while they tracked {name}, and none has sent a frame: "
                "check that mvot-run tracks it on one machine"
            )
            stream.close()
            return
        self._line.tell(f"the worker of {name} died; it is opened again on another one")
        stream.open_again()
        stream.report.notes.append("a worker died, and another one opened the stream again")
        self._place(stream)

    def _count_in(self, reference: Any) -> None:
        """A worker that was started anew is there, or has died again."""
        number = self._starting.pop(reference)
        try:
            self._ray.get(reference)
        except self._ray.exceptions.RayError:
            self._starting[self._workers[number].describe.remote()] = number

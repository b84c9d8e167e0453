"""The batches of a schedule, sampled in advance while the network trains."""

import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from itertools import islice
from typing import Any, Generic, TypeVar

import cv2

__all__ = ["BatchPrefetcher"]

BatchT = TypeVar("BatchT")

BATCHES_AHEAD = 3
"""Batches that are sampled in advance, for each worker."""

_inherited_sampler: Callable[[int], Any] | None = None
"""The sampler of the worker processes: these are forked, so that the data are not copied."""


class BatchPrefetcher(Generic[BatchT]):
    """The batches of ``steps``, in order: ``with BatchPrefetcher(sample, steps) as batches``.

    ``sample`` maps a step to its batch, which must depend on the step alone. It is called in one
    thread besides the caller's, or in ``workers`` processes (threads where the system cannot fork).
    """

    def __init__(self, sample: Callable[[int], BatchT], steps: range, workers: int = 0) -> None:
        self.sample: Callable[[int], BatchT] | None = sample
        self.steps, self.ahead = steps, BATCHES_AHEAD * max(workers, 1)
        self.pool: Executor
        if workers and "fork" in multiprocessing.get_all_start_methods():
            _limit_opencv_threads()  # a forked process would wait for threads that it lacks
            global _inherited_sampler
            _inherited_sampler = sample
            context = multiprocessing.get_context("fork")
            self.pool = ProcessPoolExecutor(workers, context, initializer=_limit_opencv_threads)
            self.sample = None
        else:
            self.pool = ThreadPoolExecutor(max(workers, 1))

    def __enter__(self) -> Iterator[BatchT]:
        return self._batches()

    def __exit__(self, *exception: object) -> None:
        self.pool.shutdown(wait=True, cancel_futures=True)

    def _batches(self) -> Iterator[BatchT]:
        steps = iter(self.steps)
        ahead = [self.pool.submit(_sample_step, self.sample, n) for n in islice(steps, self.ahead)]
        while ahead:
            yield ahead.pop(0).result()
            step = next(steps, None)
            if step is not None:
                ahead.append(self.pool.submit(_sample_step, self.sample, step))


def _limit_opencv_threads() -> None:
    cv2.setNumThreads(1)


def _sample_step(sample: Callable[[int], Any] | None, step: int) -> Any:
    """The batch of a step, by the sampler passed or else by the inherited one."""
    sampler = sample or _inherited_sampler
    assert sampler is not None
    return sampler(step)

"""The batches of a schedule, drawn while others are learnt."""

import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from itertools import islice
from typing import Any, Generic, TypeVar

import cv2

__all__ = ["Drawing"]

DrawnT = TypeVar("DrawnT")

AHEAD = 3
"""Batches that are drawn in advance, for each worker."""

_inherited: Callable[[int], Any] | None = None
"""How the worker processes draw: they are forked, so that no material is copied."""


class Drawing(Generic[DrawnT]):
    """What ``draw`` gives for each of ``steps``, in order: ``with Drawing(...) as batches``.

    It is called in one thread beside the caller, or in so many ``workers``, which are processes
    where the system can fork; its results must depend on the step alone.
    """

    def __init__(self, draw: Callable[[int], DrawnT], steps: range, workers: int = 0) -> None:
        self.draw: Callable[[int], DrawnT] | None = draw
        self.steps, self.ahead = steps, AHEAD * max(workers, 1)
        self.pool: Executor
        if workers and "fork" in multiprocessing.get_all_start_methods():
            global _inherited
            _inherited = draw
            context = multiprocessing.get_context("fork")
            self.pool = ProcessPoolExecutor(workers, context, initializer=_start)
            self.draw = None
        else:
            self.pool = ThreadPoolExecutor(max(workers, 1))

    def __enter__(self) -> Iterator[DrawnT]:
        return self._batches()

    def __exit__(self, *exception: object) -> None:
        self.pool.shutdown(wait=True, cancel_futures=True)

    def _batches(self) -> Iterator[DrawnT]:
        steps = iter(self.steps)
        ahead = [self.pool.submit(_drawn, self.draw, n) for n in islice(steps, self.ahead)]
        while ahead:
            yield ahead.pop(0).result()
            following = next(steps, None)
            if following is not None:
                ahead.append(self.pool.submit(_drawn, self.draw, following))


def _start() -> None:
    cv2.setNumThreads(1)


def _drawn(draw: Callable[[int], Any] | None, step: int) -> Any:
    """What ``draw``, given or inherited, makes of a step."""
    given = draw or _inherited
    assert given is not None
    return given(step)

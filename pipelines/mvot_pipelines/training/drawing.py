"""The batches of a schedule, drawn while others are learnt."""

import multiprocessing
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from itertools import islice
from typing import NamedTuple

import cv2
import numpy as np

from mvot_pipelines.training.library import Library
from mvot_pipelines.training.pairs import PairBatch, sample_batch
from mvot_pipelines.training.settings import TrainingConfig

__all__ = ["Drawing"]

AHEAD = 3
"""Batches that are drawn in advance, for each worker."""


class _Source(NamedTuple):
    library: Library
    config: TrainingConfig


_inherited: _Source | None = None
"""What the worker processes draw from: they are forked, so that none of it is copied."""


class Drawing:
    """The (level, batch) of each step from ``step`` on, in order: ``with Drawing(...) as batches``.

    They are drawn by one thread beside the caller, or by so many ``workers``, which are processes
    where the system can fork; a step's batch is the same whoever draws it.
    """

    def __init__(
        self, library: Library, config: TrainingConfig, step: int, workers: int = 0
    ) -> None:
        self.step, self.steps = step, config.steps
        self.source: _Source | None = _Source(library, config)
        self.ahead = AHEAD * max(workers, 1)
        self.pool: Executor
        if workers and "fork" in multiprocessing.get_all_start_methods():
            global _inherited
            _inherited = self.source
            context = multiprocessing.get_context("fork")
            self.pool = ProcessPoolExecutor(workers, context, initializer=_start)
            self.source = None
        else:
            self.pool = ThreadPoolExecutor(max(workers, 1))

    def __enter__(self) -> Iterator[tuple[int, PairBatch]]:
        return self._batches()

    def __exit__(self, *exception: object) -> None:
        self.pool.shutdown(wait=True, cancel_futures=True)

    def _batches(self) -> Iterator[tuple[int, PairBatch]]:
        steps = iter(range(self.step, self.steps))
        ahead = [self.pool.submit(_draw, self.source, n) for n in islice(steps, self.ahead)]
        while ahead:
            yield ahead.pop(0).result()
            following = next(steps, None)
            if following is not None:
                ahead.append(self.pool.submit(_draw, self.source, following))


def _start() -> None:
    cv2.setNumThreads(1)


def _draw(source: _Source | None, step: int) -> tuple[int, PairBatch]:
    """The batch of a step, drawn from the ``source`` given or inherited."""
    given = source or _inherited
    assert given is not None
    config = given.config
    rng = np.random.default_rng([config.seed, step])
    shares = np.array(config.levels) / sum(config.levels)
    level = 1 + int(rng.choice(len(config.levels), p=shares))
    count = config.batch if level < 3 else config.batch // 2
    other = int(np.clip(level + rng.choice([-1, 1]), 1, len(config.levels)))
    exemplar_level = other if rng.random() < config.across else level
    return level, sample_batch(given.library, rng, level, count, config.mixture, exemplar_level)

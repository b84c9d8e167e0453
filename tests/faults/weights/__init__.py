"""Files of networks that anyone may have made: `--weights`, `--detector` and `--embedder`."""

from collections.abc import Iterator
from random import Random

from faults.weights import folders, graphs, places, tensors
from helpers.faults.case import Case

__all__ = ["cases"]


def cases(random: Random) -> Iterator[Case]:
    """All cases; mutations are drawn from ``random``."""
    yield from places.cases()
    yield from tensors.cases(random)
    yield from folders.cases(random)
    yield from graphs.cases(random)

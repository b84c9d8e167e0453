"""Files of detections: numbers, layouts, what is no file, and random mutations of a valid one."""

from collections.abc import Iterator
from random import Random

from faults.detections import layouts, mutations, numbers, special
from helpers.faults.case import Case

__all__ = ["cases"]


def cases(random: Random) -> Iterator[Case]:
    """The cases."""
    yield from numbers.cases()
    yield from layouts.cases()
    yield from special.cases()
    yield from mutations.cases(random)

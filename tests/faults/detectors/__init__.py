"""Detectors that misbehave, in each kind of worker, and too many boxes."""

from collections.abc import Iterator
from random import Random

from faults.detectors import crowds, running
from helpers.faults.case import Case

__all__ = ["cases"]


def cases(random: Random) -> Iterator[Case]:
    """The cases."""
    del random
    yield from running.cases()
    yield from crowds.cases()

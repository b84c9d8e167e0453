"""Outputs that are inputs, cannot be written, vanish, fill up, or are pipes and streams."""

from collections.abc import Iterator
from random import Random

from faults.outputs import failures, inputs, places, streams
from helpers.faults.case import Case


def cases(random: Random) -> Iterator[Case]:
    yield from inputs.cases()
    yield from places.cases()
    yield from failures.cases(random)
    yield from streams.cases()

"""Live servers that stall, drop, send garbage, come back otherwise, or never answer."""

from collections.abc import Iterator
from random import Random

from faults.streams import losses, openings, recordings
from helpers.faults.case import Case


def cases(random: Random) -> Iterator[Case]:
    """All of them."""
    for module in (openings, losses, recordings):
        yield from module.cases(random)

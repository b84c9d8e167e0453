"""Videos, folders of images, sequences and cameras: broken, hostile or merely odd."""

from collections.abc import Iterator
from random import Random

from faults.inputs import changes, containers, folders, names, sequences, videos
from helpers.faults.case import Case


def cases(random: Random) -> Iterator[Case]:
    """All of them."""
    for module in (videos, containers, folders, sequences, names, changes):
        yield from module.cases(random)

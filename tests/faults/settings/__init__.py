"""Files of settings, the values in them, and the options of the command line."""

from collections.abc import Iterator
from random import Random

from faults.settings import files, mutations, options, values
from helpers.faults.case import Case


def cases(random: Random) -> Iterator[Case]:
    yield from values.cases()
    yield from files.cases()
    yield from options.cases()
    yield from mutations.cases(random)

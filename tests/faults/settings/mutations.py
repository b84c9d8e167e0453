"""The settings that ``--print-config`` prints, damaged at random."""

from collections.abc import Iterator
from random import Random

from faults.settings.runs import configured
from faults.settings.values import LEFT_OUT
from helpers.faults.case import Case
from mvot_pipelines.config import RunConfig
from mvot_plugin.config import format_config

COUNT = 60
PIECES = [*"[{\"'\t\0%-", "*a", "&a ", "!!int ", ": ", "- ", "1e999", "0x"]


def cases(random: Random) -> Iterator[Case]:
    lines = [
        line
        for line in format_config(RunConfig()).splitlines()
        if "#" not in line and line.partition(":")[0] not in LEFT_OUT
    ]
    for number in range(COUNT):
        yield configured(f"damaged at random, {number}", damage(lines, random), "any")


def damage(lines: list[str], random: Random) -> str:
    """The lines with a few changes."""
    lines = list(lines)
    for _ in range(random.randint(1, 3)):
        at = random.randrange(len(lines))
        change = random.choice([repeat, remove, insert, replace_value, move])
        change(lines, at, random)
    return "\n".join(lines) + "\n"


def repeat(lines: list[str], at: int, random: Random) -> None:
    lines.insert(at, random.choice(lines))


def remove(lines: list[str], at: int, random: Random) -> None:
    del lines[at]


def insert(lines: list[str], at: int, random: Random) -> None:
    place = random.randint(0, len(lines[at]))
    lines[at] = lines[at][:place] + random.choice(PIECES) + lines[at][place:]


def replace_value(lines: list[str], at: int, random: Random) -> None:
    other = random.choice(lines).partition(": ")[2]
    lines[at] = f"{lines[at].partition(':')[0]}: {other}"


def move(lines: list[str], at: int, random: Random) -> None:
    lines[at] = " " * random.randint(1, 4) + lines[at].lstrip()

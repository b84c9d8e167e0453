"""The groups of cases, and trying them."""

import pkgutil
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from random import Random

from helpers.faults.case import Case, Trial
from helpers.faults.child import run_case
from helpers.faults.rules import find_faults, take_inventory

__all__ = ["Attempt", "find_groups", "format_table", "list_cases", "try_case"]

FOLDER = Path(__file__).parents[2] / "faults"


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """A case that was tried."""

    group: str
    case: Case
    faults: list[str]
    """What was wrong; empty where it held."""


def find_groups() -> list[str]:
    """The names of the groups: the modules and packages in `tests/faults` that have cases."""
    names = (module.name for module in pkgutil.iter_modules([str(FOLDER)]))
    return sorted(n for n in names if not n.startswith(("test_", "_")))


def list_cases(group: str, seed: int) -> list[Case]:
    """The cases of a group; the same seed gives the same ones."""
    cases: list[Case] = list(import_module(f"faults.{group}").cases(Random(f"{seed}/{group}")))
    names = [case.name for case in cases]
    repeated = {name for name in names if names.count(name) > 1}
    assert not repeated, f"cases of one name in group {group}: {sorted(repeated)}"
    return cases


def try_case(group: str, case: Case, seed: int) -> Attempt:
    """Prepare, run and judge a case in a new folder, which is removed."""
    root = Path(tempfile.mkdtemp(prefix="fault-"))
    try:
        faults = list(_try_in(root, case, Random(f"{seed}/{group}/{case.name}")))
    finally:
        shutil.rmtree(root, ignore_errors=True)
    return Attempt(group=group, case=case, faults=faults)


def _try_in(root: Path, case: Case, random: Random) -> Iterator[str]:
    folder, logs = root / "run", root / "logs"
    folder.mkdir()
    logs.mkdir()
    with ExitStack() as stack:
        trial = Trial(folder=folder, random=random, stack=stack)
        arguments = list(case.prepare(trial))
        before = take_inventory(folder)
        outcome = run_case(case, trial, arguments, logs)
        yield from find_faults(case, trial, outcome, before)


def format_table(attempts: Sequence[Attempt]) -> str:
    """A Markdown table: group, tried, held."""
    groups = sorted({attempt.group for attempt in attempts})
    rows = [(g, [a for a in attempts if a.group == g]) for g in groups] + [("all", [*attempts])]
    lines = ["| group | tried | held |", "| --- | ---: | ---: |"]
    for name, tried in rows:
        lines.append(f"| {name} | {len(tried)} | {sum(not a.faults for a in tried)} |")
    return "\n".join(lines)

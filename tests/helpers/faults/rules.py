"""The rules that every case keeps."""

import hashlib
import stat
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

from helpers.faults.case import Case, Outcome, Trial

__all__ = ["find_faults", "take_inventory"]

PREFIX = "mvot-run: "
_LONGEST_SENTENCE = 600
_SHOWN = 1500
_LARGEST_READ = 1 << 28
"""Bytes of a file; a larger one has holes, and is known by its time."""


def take_inventory(folder: Path) -> dict[str, str]:
    """Every file in the folder and what it is: its content, or its kind where it has none."""
    inventory = {}
    for path in sorted(folder.rglob("*")):
        about = path.lstat()
        mode = about.st_mode
        if stat.S_ISREG(mode) and about.st_size > _LARGEST_READ:
            content = f"{about.st_size} bytes of {about.st_mtime_ns}"
        elif stat.S_ISREG(mode):
            content = hashlib.sha256(path.read_bytes()).hexdigest()
        elif stat.S_ISLNK(mode):
            content = f"link to {path.readlink()}"
        else:
            content = str(stat.S_IFMT(mode))
        inventory[str(path.relative_to(folder))] = content
    return inventory


def find_faults(
    case: Case, trial: Trial, outcome: Outcome, before: dict[str, str]
) -> Iterator[str]:
    """What is wrong with the outcome, by the rules and by the case's own check."""
    if outcome.code is None:
        yield f"it did not end within {case.seconds:g} s"
        return
    if case.expect == "killed":
        if not case.ended_by_signal(outcome):
            yield f"it ended with {outcome.code} before it was killed"
    else:
        yield from _find_bad_end(case, outcome)
        yield from _find_changes(case, before, take_inventory(trial.folder))
    if outcome.peak_bytes > case.most_bytes:
        yield f"it took {outcome.peak_bytes >> 20} MiB"
    if wrong := case.check(trial, outcome):
        yield wrong


def _find_bad_end(case: Case, outcome: Outcome) -> Iterator[str]:
    """A wrong exit code, a traceback, lines of other libraries, or no sentence."""
    lines = outcome.stderr.splitlines()
    shown = outcome.stderr[:_SHOWN]
    if outcome.code not in (0, 1, 2):
        yield f"it ended with {outcome.code}: {shown!r}"
    if "Traceback" in outcome.stderr or "internal error" in outcome.stderr:
        yield f"a traceback: {outcome.stderr[-_SHOWN:]}"
    elif foreign := [line for line in lines if not line.startswith(PREFIX)]:
        yield f"a line on stderr that is not ours: {foreign[0][:_SHOWN]!r}"
    if outcome.code in (1, 2) and not lines:
        yield f"it ended with {outcome.code} and no sentence"
    if lines and len(lines[-1]) > _LONGEST_SENTENCE:
        yield f"a sentence of {len(lines[-1])} characters: {lines[-1][:_SHOWN]!r}"
    if case.expect == "done" and outcome.code != 0:
        yield f"it should have worked: {shown!r}"
    if case.expect == "refused" and outcome.code == 0:
        yield f"it should have been refused: {outcome.stdout[:_SHOWN]!r}"


def _find_changes(case: Case, before: dict[str, str], after: dict[str, str]) -> Iterator[str]:
    """Files besides the outputs that changed, came or went."""
    for name in sorted(before.keys() | after.keys()):
        if before.get(name) == after.get(name) or any(fnmatch(name, o) for o in case.outputs):
            continue
        change = "came" if name not in before else "went" if name not in after else "changed"
        yield f"the file {name!r} {change}"

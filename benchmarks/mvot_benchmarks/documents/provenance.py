"""Where the figures of a document come from: the command, the machine, the day and the commit."""

import re
import shlex
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from mvot_benchmarks.reporting.results import Results

__all__ = ["contract", "describe_command", "describe_provenance"]

FOLDER = "benchmarks/results"
"""Where the repository keeps the files of results."""
_OUTPUTS = "--json", "--plot"
_NUMBERED = re.compile(r"([A-Za-z][\w./-]*?)(\d+)")
_LONGEST_CODE = 100
_FEWEST = 3
"""Numbered names in a row that are contracted."""


def describe_provenance(run: Results[Any], name: str) -> str:
    """A paragraph: what was run where and when; a long command is a block of code before it."""
    command, rest = describe_command(run.arguments), _describe_run(run, name)
    if len(command) > _LONGEST_CODE or "`" in command:
        return f"```bash\n{command}\n```\n\nMeasured{rest}"
    return f"`{command}`{rest}"


def _describe_run(run: Results[Any], name: str) -> str:
    environment = run.environment
    threads, commit = environment["threads"], environment["commit"]
    plural = "" if threads == 1 else "s"
    device = "" if environment["device"] == "cpu" else f", device {environment['device']}"
    parts = [f" on {environment['cpu']}{device}, with {threads} thread{plural}; {run.date[:10]}"]
    if commit:
        changes = " with changes" if commit.endswith("-dirty") else ""
        parts.append(f"commit {commit[:7]}{changes}")
    parts.append(f"version {environment['version']}")
    text = f"{', '.join(parts)}; rows in `{FOLDER}/{name}.json`."
    return text if run.complete else f"{text} This run was cut short."


def describe_command(arguments: Sequence[str]) -> str:
    """A command line for a shell, without the files that it wrote; numbered names contracted."""
    kept, rest = list[str](), list(arguments)
    while rest:
        word = rest.pop(0)
        if word in _OUTPUTS:
            del rest[:1]
        elif not word.startswith(tuple(f"{option}=" for option in _OUTPUTS)):
            kept.append(shlex.quote(word))
    return " ".join(["mvot-bench", *contract(kept)])


def contract(words: Sequence[str]) -> Iterator[str]:
    """Join names that are numbered one after another: a-1 a-2 a-3 is ``a-{1..3}`` for a shell."""
    numbered = [_split_number(number, word) for number, word in enumerate(words)]
    for _, group in groupby(zip(words, numbered, strict=True), key=lambda pair: pair[1]):
        run = [word for word, _ in group]
        if len(run) < _FEWEST:
            yield from run
            continue
        ends = [_NUMBERED.fullmatch(word) for word in (run[0], run[-1])]
        prefix, first, last = ends[0][1], ends[0][2], ends[1][2]  # type: ignore[index]
        yield f"{prefix}{{{first}..{last}}}"


def _split_number(place: int, word: str) -> tuple[Any, ...]:
    """What words that belong to one list have in common; alone where a word has no number."""
    found = _NUMBERED.fullmatch(word)
    if found is None:
        return (place, word)
    return found[1], len(found[2]), int(found[2]) - place

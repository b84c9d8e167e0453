"""Errors and warnings for users; errors have the exit code that the commands end with."""

import difflib
from collections.abc import Iterable

__all__ = [
    "FallbackDetector",
    "InputError",
    "MvotError",
    "OutputError",
    "UntrainedWeights",
    "UsageError",
    "unknown_name",
]


class MvotError(Exception):
    """Base of all errors; the message is one sentence: what is wrong, where, and what to do."""

    exit_code = 1


class UsageError(MvotError):
    """An option, name or setting that does not exist or has an invalid value."""

    exit_code = 2


class InputError(MvotError):
    """A file, stream or detection that cannot be read or used."""


class OutputError(MvotError):
    """A result that could not be written."""


class UntrainedWeights(UserWarning):
    """A network runs on random weights, so that its boxes and scores are meaningless."""


class FallbackDetector(UserWarning):
    """The packaged detector replaces one that is not available."""


def unknown_name(kind: str, name: str, choices: Iterable[str]) -> UsageError:
    """The error for a name that is not among ``choices``; names the nearest one, or all if few."""
    known = sorted(choices)
    nearest = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"did you mean {nearest[0]!r}?" if nearest else ""
    if len(known) <= 6 or not nearest:
        hint = f"{hint} choose from {', '.join(known)}".strip()
    return UsageError(f"unknown {kind} {name!r}: {hint}")

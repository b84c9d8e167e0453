"""What the targets share: files of their input, and what a refusal must be."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from mvot_plugin.errors import MvotError

__all__ = ["allow_refusal", "scratch_folder"]

_kept: list[object] = []


@cache
def scratch_folder() -> Path:
    """A folder for the input at hand, until the process ends; in memory where that is possible."""
    memory = Path("/dev/shm")
    folder = tempfile.TemporaryDirectory(prefix="fuzz-", dir=memory if memory.is_dir() else None)
    _kept.append(folder)
    return Path(folder.name)


@contextmanager
def allow_refusal() -> Iterator[None]:
    """Allow an error for users, whose message must be one line."""
    try:
        yield
    except MvotError as error:
        if not str(error) or "\n" in str(error):
            raise ValueError(f"a message that is not one line: {str(error)!r}") from error

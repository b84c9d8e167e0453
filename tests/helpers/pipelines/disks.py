"""A disk that fills up."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["limit_files"]


@contextmanager
def limit_files(size: int) -> Iterator[None]:
    """Let no file of this process grow beyond so many bytes, within a ``with`` statement."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

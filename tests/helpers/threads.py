"""Threads that are still there."""

import threading

__all__ = ["find_threads"]


def find_threads(*prefixes):
    """The running threads with names that begin so; other tests may have left others behind."""
    return [thread for thread in threading.enumerate() if thread.name.startswith(prefixes)]

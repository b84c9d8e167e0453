"""Reading of text files and pipes, of which anyone may have written any byte."""

import os
import select
from io import FileIO
from pathlib import Path

from mvot_plugin.errors import InputError, format_value

__all__ = ["read_bytes"]

OPENING_SECONDS = 5.0
"""For which a pipe is waited for that nothing has open to write."""
_PART_BYTES = 1 << 20


def read_bytes(path: str | Path, most: int) -> bytearray:
    """Read a text file, or a pipe that something writes to, such as ``/dev/stdin``.

    Args:
        path: The file.
        most: How many bytes it may have.

    Raises:
        OSError: It cannot be opened or read.
        UnicodeDecodeError: It holds a null byte, as no text does; the rest is not looked at.
        InputError: It is larger, or a pipe that nothing has open to write.
    """
    data = bytearray()
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", os.O_RDONLY))
    except ValueError:
        raise InputError(f"{format_value(str(path))} is not the name of a file") from None
    with _own(descriptor) as file:
        while part := _read_part(path, file):
            if b"\0" in part:
                raise UnicodeDecodeError("utf-8", part, 0, 1, "a null byte")
            data += part
            if len(data) > most:
                raise InputError(f"{path} is larger than {most >> 20} MiB")
    return data


def _own(descriptor: int) -> FileIO:
    """A file that closes the descriptor; raises ``OSError`` for that of a folder."""
    try:
        return FileIO(descriptor)
    except OSError:
        os.close(descriptor)
        raise


def _read_part(path: str | Path, file: FileIO) -> bytes:
    """The next bytes, none at the end; a pipe is waited for while something may write to it."""
    while True:
        is_ready = _wait(file, OPENING_SECONDS)
        part = file.read(_PART_BYTES)
        if part or (is_ready and part is not None):
            return part
        if part is not None:
            raise InputError(f"{path} is a pipe that nothing is written to")


def _wait(file: FileIO, seconds: float) -> bool:
    """Wait until there is something to read, or the end; returns whether there is."""
    if not hasattr(select, "poll"):  # on Windows, whose pipes are no files
        return True
    waiting = select.poll()
    waiting.register(file, select.POLLIN)
    return bool(waiting.poll(1e3 * seconds))

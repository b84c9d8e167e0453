"""What is read of networks' files, which anyone may have made: regular files of a bounded size."""

import json
import os
import stat
from pathlib import Path
from typing import Any

from mvot_plugin.errors import InputError

__all__ = ["MOST_BYTES", "check_file", "is_file_name", "read_json"]

MOST_BYTES = 2 << 30
"""Of a file of weights; an ONNX file cannot have more."""


def check_file(path: Path, noun: str = "file", most: int = MOST_BYTES) -> None:
    """Raise ``InputError`` where there is no regular file of at most ``most`` bytes.

    Pipes and devices need not end. The message calls the file a ``noun``.
    """
    try:
        status = path.stat()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise InputError(f"{path}: there is no such {noun}") from error
    except (OSError, ValueError) as error:  # a null byte is a ValueError
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{path}: cannot be read: {reason}") from error
    if not stat.S_ISREG(status.st_mode):
        raise InputError(f"{path}: is a folder or a device; give a {noun}")
    if status.st_size > most:
        raise InputError(f"{path}: has {status.st_size} bytes, and a {noun} at most {most}")


def is_file_name(name: str | os.PathLike[str]) -> bool:
    """Whether a file can have this name: no null byte, and no half of a character."""
    try:
        return b"\0" not in os.fsencode(name)
    except UnicodeEncodeError:
        return False


def read_json(text: str | bytes) -> dict[str, Any]:
    """Read a JSON object; raises ``ValueError`` for anything else, however deeply it is nested."""
    try:
        values = json.loads(text)
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error
    if not isinstance(values, dict):
        raise ValueError("it is no JSON object")
    return values

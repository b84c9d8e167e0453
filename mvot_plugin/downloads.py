"""Files that are fetched once from their public addresses, checked, and kept in a cache."""

import hashlib
import os
import sys
import urllib.request
from http.client import HTTPException
from pathlib import Path

from mvot_plugin.errors import InputError

__all__ = ["cache_folder", "fetch", "has_checksum"]

TIMEOUT = 20.0
"""Seconds that a connection may be silent."""


def cache_folder() -> Path:
    """The folder that fetched files are kept in: that of this user's cache."""
    home = Path.home()
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA", home / "AppData" / "Local"))
    elif sys.platform == "darwin":
        base = home / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache")
    return base / "mvot_plugin"


def fetch(address: str, path: Path, sha256: str) -> Path:
    """Fetch a file, unless it is there already.

    Args:
        address: Where it is published.
        path: Where to put it; only a complete file with the right content ever lies there.
        sha256: The checksum of its content.

    Returns:
        ``path``.

    Raises:
        InputError: It cannot be fetched or stored, or its content is another.
    """
    if has_checksum(path, sha256):
        return path
    try:
        with urllib.request.build_opener().open(address, timeout=TIMEOUT) as answer:
            content = bytes(answer.read())
    except (OSError, ValueError, HTTPException) as error:
        raise InputError(f"{address}: could not be fetched: {error}") from error
    if _checksum(content) != sha256:
        raise InputError(f"{address}: has another content than was expected; it was not kept")
    partial = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(content)
        partial.replace(path)
    except OSError as error:
        raise InputError(f"{path}: could not be written: {error}") from error
    return path


def has_checksum(path: Path, sha256: str) -> bool:
    """Whether there is a file with this content."""
    return path.is_file() and _checksum(path.read_bytes()) == sha256


def _checksum(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()

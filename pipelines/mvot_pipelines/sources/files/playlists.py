"""Playlists (M3U, HLS): files that name the videos to be read."""

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from mvot_pipelines.sources.files.kinds import check_file
from mvot_plugin.errors import InputError

__all__ = ["list_files"]

_SUFFIXES = frozenset({".m3u", ".m3u8"})
_NAMES = re.compile(r'^(?!#)([^\r\n\0]+)|\bURI="([^"\0]+)"', re.MULTILINE)
"""Lines that are no comments, and what tags of HLS name, such as the header of the parts."""
_MOST_BYTES = 1 << 20


def list_files(video: Path) -> list[Path]:
    """The video itself; of a playlist also the files that it names, and those that these name."""
    files, read = [video], set()
    for path in files:
        if path.suffix.lower() in _SUFFIXES and (place := os.path.realpath(path)) not in read:
            read.add(place)
            files += _read_names(path)
    return files


def _read_names(playlist: Path) -> Iterator[Path]:
    """What a playlist names, relative to itself; nothing where it cannot be read."""
    with suppress(OSError, ValueError, InputError):
        check_file(playlist)
        with playlist.open("rb") as file:
            text = file.read(_MOST_BYTES).decode("utf-8", "surrogateescape")
        for line, uri in _NAMES.findall(text):
            yield playlist.resolve().parent / (line or uri).strip().removeprefix("file:")

"""What kind of thing a path names, and names that OpenCV cannot open."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from mvot_plugin.errors import InputError, format_value
from mvot_plugin.runtimes.reading import is_file_name

__all__ = ["check_file", "check_name", "plain_name"]

_KINDS = {
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFDIR: "a folder",
}


def check_name(name: str | os.PathLike[str]) -> None:
    """Raise ``InputError`` for what can be no name or address: a null byte, half a character."""
    if not is_file_name(name):
        shown = format_value(os.fspath(name))
        raise InputError(f"{shown} cannot be the name of a file or folder; check the spelling")


def check_file(path: Path) -> None:
    """Raise ``InputError`` for what is no regular file, whose reading might never end.

    Raises ``OSError`` where there is nothing.
    """
    mode = path.stat().st_mode
    if not stat.S_ISREG(mode):
        kind = _KINDS.get(stat.S_IFMT(mode), "something else")
        raise InputError(f"{path} is {kind}, not a file; name or copy a file in its place")


@contextmanager
def plain_name(path: Path) -> Iterator[str]:
    """A name in UTF-8 for a file, for a ``with`` statement: OpenCV crashes on any other.

    Where the file's own is not, it is that of a temporary link.
    """
    path = path.resolve()
    if os.fsencode(path) == str(path).encode("utf-8", "replace"):
        yield str(path)
        return
    with TemporaryDirectory(prefix="mvot-") as folder:
        link = Path(folder) / "video"
        link.symlink_to(path)
        yield str(link)

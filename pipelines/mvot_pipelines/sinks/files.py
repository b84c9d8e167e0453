"""Output files that never stand half-done in the place of others."""

import errno
import io
import os
import secrets
import stat
import tempfile
import threading
from contextlib import nullcontext, suppress
from pathlib import Path
from select import select

from mvot_plugin.errors import OutputError

__all__ = ["STDOUT", "OutputFile"]

STDOUT = "-"
"""The name of the standard output, in place of a path."""

_stdout_lock = threading.Lock()
_NOT_REPLACEABLE = (errno.EACCES, errno.EPERM, errno.EROFS, errno.EBUSY)


class OutputFile:
    """A file that takes the place of the one at ``path`` with its first whole record.

    Until then it is in memory, and what is at ``path`` stays as it is. From then on it is on the
    disk, and ends with a whole record whatever ends the run. Of a link, the file that it leads to
    is replaced. Pipes, devices and the standard output (``-``) are written to directly.

    Every method raises ``OutputError``, with the reason of the operating system.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._whole, self._in_place = 0, False
        self._lock = _stdout_lock if str(path) == STDOUT else nullcontext()
        try:
            direct = _open_stdout() if str(path) == STDOUT else _open_directly(self.path)
            self._file: io.FileIO | io.BytesIO = direct or io.BytesIO()
        except (OSError, ValueError) as error:
            raise self._explain(error) from error

    @property
    def closed(self) -> bool:
        """Whether nothing more can be written."""
        return bool(self._file.closed)

    def append(self, record: bytes) -> None:
        """Write a whole record, or nothing."""
        try:
            self.write(record)
            self.keep()
        except BaseException:
            self.undo()
            raise

    def write(self, data: bytes) -> int:
        """Write all of ``data``; returns its length."""
        try:
            with self._lock:
                _write_all(self._file, data)
        except (OSError, ValueError) as error:
            raise self._explain(error) from error
        return len(data)

    def keep(self) -> None:
        """What was written ends with a whole record: put it in place."""
        try:
            if isinstance(self._file, io.BytesIO):
                self._file, self._in_place = _replace(self.path, self._file.getvalue()), True
            self._whole = self._file.tell() if self._in_place else 0
        except OSError as error:
            raise self._explain(error) from error

    def undo(self) -> None:
        """Leave out what was written after the last whole record, unless it is sent already."""
        if self._in_place or isinstance(self._file, io.BytesIO):
            with suppress(OSError):
                self._file.truncate(self._whole)
                self._file.seek(self._whole)

    def seekable(self) -> bool:
        """Whether what was written can be changed."""
        return bool(self._file.seekable())

    def overwrite(self, position: int, data: bytes) -> None:
        """Change bytes that were written before."""
        end = self._file.tell()
        self._file.seek(position)
        self.write(data)
        self._file.seek(end)

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        if self.closed:
            return
        try:
            is_lost = self._in_place and os.fstat(self._file.fileno()).st_nlink == 0
            self._file.close()
        except OSError as error:
            raise OutputError(f"cannot finish {self.path}: {error.strerror or error}") from error
        if is_lost:
            hint = "run again, and leave it alone"
            raise OutputError(f"{self.path} was removed or replaced while it was written; {hint}")

    def _explain(self, error: Exception) -> OutputError:
        reason = error.strerror if isinstance(error, OSError) else None
        name = "the standard output" if str(self.path) == STDOUT else self.path
        return OutputError(f"cannot write {name}: {reason or error}")


def _open_stdout() -> io.FileIO:
    return io.FileIO(os.dup(1), "wb")


def _open_directly(path: Path) -> io.FileIO | None:
    """Open what is no regular file; None for one that can be replaced, or made.

    What is this process's own stdout or stderr is not opened again, to be written in turn.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        status = path.stat()
    except FileNotFoundError:
        tempfile.TemporaryFile(dir=Path(os.path.realpath(path)).parent).close()
        return None
    for number in (1, 2):
        with suppress(OSError):
            if os.path.samestat(status, os.fstat(number)):
                return io.FileIO(os.dup(number), "wb")
    if not stat.S_ISREG(status.st_mode):
        return path.open("wb", buffering=0)
    if not os.access(path, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    return None


def _replace(path: Path, content: bytes) -> io.FileIO:
    """Put a file with this content in the place of another, or of none; returns it, open.

    Where only the file itself may be changed, as in a folder without permission or where it is
    mounted into a container, it is overwritten.
    """
    target = Path(os.path.realpath(path))
    temporary = target.with_name(f".mvot-{secrets.token_hex(8)}.tmp")
    try:
        file = temporary.open("xb", buffering=0)
        try:
            _write_all(file, content)
            _copy_permissions(target, temporary)
            temporary.replace(target)
        except BaseException:
            file.close()
            temporary.unlink(missing_ok=True)
            raise
    except OSError as error:
        if error.errno not in _NOT_REPLACEABLE:
            raise
        file = target.open("wb", buffering=0)
        _write_all(file, content)
    return file


def _write_all(file: io.FileIO | io.BytesIO, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        written = file.write(rest)
        if written is None:  # a pipe that is full, and would rather not be waited for
            select([], [file], [])
        else:
            rest = rest[written:]


def _copy_permissions(old: Path, new: Path) -> None:
    """Give a file the permissions, and where that is allowed the owner, of the one before it."""
    with suppress(OSError):
        status = old.stat()
        new.chmod(stat.S_IMODE(status.st_mode))
        if hasattr(os, "chown"):
            os.chown(new, status.st_uid, status.st_gid)

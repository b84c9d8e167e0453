"""The keys of a mark, read as what a kind asks for."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from mvot_plugin.errors import UsageError, unknown_name

__all__ = ["Keys", "select_rows"]

RowT = TypeVar("RowT")


class Keys:
    """The keys of a mark, and those that its kind has.

    Raises ``UsageError`` for a key that the kind does not have.
    """

    def __init__(self, keys: Mapping[str, str], known: Iterable[str]) -> None:
        for name in keys:
            if name not in known:
                raise unknown_name("key", name, known)
        self._keys = keys

    def __contains__(self, name: str) -> bool:
        return name in self._keys

    def text(self, name: str, default: str = "") -> str:
        """The value of a key."""
        return self._keys.get(name, default)

    def is_on(self, name: str, default: bool) -> bool:
        """Whether a key is yes; raises ``UsageError`` for anything but yes and no."""
        value = self.text(name, "yes" if default else "no")
        if value not in ("yes", "no"):
            raise UsageError(f"{name}={value}: is yes or no")
        return value == "yes"

    def number(self, name: str) -> float | None:
        """A number, or None for "none" or where the key is missing."""
        value = self.text(name, "none")
        try:
            return None if value == "none" else float(value)
        except ValueError as error:
            raise UsageError(f"{name}={value}: is a number") from error

    def choices(self, name: str, known: Sequence[str]) -> list[str]:
        """A list of some of the names that are known, in its order; all without the key."""
        names = [one.strip() for one in self.text(name, ",".join(known)).split(",")]
        for one in names:
            if one not in known:
                raise unknown_name(name, one, known)
        return names

    def choice(self, name: str, known: Sequence[str]) -> str:
        """One of the names that are known, the first of them without the key."""
        value = self.text(name, known[0])
        if value not in known:
            raise unknown_name(name, value, known)
        return value


def select_rows(
    rows: Sequence[RowT], keys: Keys, name: str, value_of: Callable[[RowT], Any]
) -> list[RowT]:
    """The rows of one value, which the key ``name`` says where they have several.

    Raises ``UsageError`` where it does not, and for a value that no row has.
    """
    known = sorted({value_of(row) for row in rows}, key=str)
    if name not in keys and len(known) < 2:
        return list(rows)
    shown = ", ".join("none" if one is None else f"{one:g}" for one in known)
    if name not in keys:
        raise UsageError(f"say {name}=; the results have {shown}")
    wanted = keys.number(name)
    if wanted not in known:
        raise UsageError(f"{name}={keys.text(name)}: the results have {shown}")
    return [row for row in rows if value_of(row) == wanted]

"""The ranges of settings, which are declared in their types and checked wherever they come from."""

import typing
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from numbers import Real
from typing import Annotated, Any

from mvot_plugin.errors import UsageError, format_value
from mvot_plugin.runtimes.reading import is_file_name

__all__ = [
    "CheckedConfig",
    "Count",
    "Finite",
    "Fraction",
    "NonNegative",
    "Positive",
    "Range",
    "check_values",
    "find_ranges",
]


@dataclass(frozen=True)
class Range:
    """The least and the most that a number may be, in the ``Annotated`` type of a setting."""

    least: int | float
    most: int | float

    def check(self, value: Any, label: str) -> None:
        """Raise ``UsageError`` for a number out of the range; the message begins with a label."""
        if value != value:
            bound = "a number"
        elif value < self.least:
            bound = f"{self.least:g} or more"
        elif value > self.most:
            bound = f"{self.most:g} or less"
        else:
            return
        raise UsageError(f"{label} must be {bound}, got {format_value(value)}")


Fraction = Annotated[float, Range(0, 1)]
"""A share, a probability or an overlap."""
NonNegative = Annotated[float, Range(0, 1e9)]
"""A weight, a threshold or a time that may be 0."""
Finite = Annotated[float, Range(-1e9, 1e9)]
"""A number on a scale that is not known, such as a detector's confidence."""
Positive = Annotated[float, Range(1e-3, 1e6)]
"""A time or a deviation by which others are divided."""
Count = Annotated[int, Range(1, 1_000_000_000)]
"""A number of things of which there is at least one."""


class CheckedConfig:
    """Base of dataclasses of settings; ``UsageError`` where one of them is out of its range."""

    def __post_init__(self) -> None:
        kind = type(self)
        check_values(kind, vars(self), lambda name: f"{kind.__name__}.{name}")


def check_values(kind: type[Any], values: Mapping[str, Any], label: Callable[[str], str]) -> None:
    """Check settings by the types of a dataclass's fields.

    Args:
        kind: The dataclass.
        values: Some of its settings, by name.
        label: What error messages call a setting of a name.

    Raises:
        UsageError: A number is out of its range, NaN or infinite, or a text is none that the
            operating system takes for a name: it holds a null byte, or half a character.
    """
    ranges = find_ranges(kind)
    for name, value in values.items():
        for one in value if isinstance(value, tuple) else (value,):
            if name in ranges and isinstance(one, Real):
                ranges[name].check(one, label(name))
        if isinstance(value, str) and not is_file_name(value):
            raise UsageError(
                f"{label(name)} has a character that no name may have, got {format_value(value)}"
            )


def find_ranges(kind: type[Any]) -> dict[str, Range]:
    """The ranges of the fields of a dataclass that have one, also within tuples and unions."""
    hints = typing.get_type_hints(kind, include_extras=True)
    ranges = {field.name: next(_find_in(hints[field.name]), None) for field in fields(kind)}
    return {name: one for name, one in ranges.items() if one is not None}


def _find_in(hint: Any) -> Iterator[Range]:
    """The ranges in a type."""
    yield from (note for note in getattr(hint, "__metadata__", ()) if isinstance(note, Range))
    for part in typing.get_args(hint):
        yield from _find_in(part)

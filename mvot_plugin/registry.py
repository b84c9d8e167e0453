"""Engines and detectors that other packages register through entry points."""

from importlib import metadata
from typing import Any

from mvot_plugin.errors import InputError, MvotError

__all__ = ["build_registered", "registered_names"]


def registered_names(group: str) -> set[str]:
    """The names that installed packages declare in the entry point ``group``."""
    return {point.name for point in metadata.entry_points(group=group)}


def build_registered(group: str, name: str, **options: Any) -> Any:
    """Load the factory that a package declares under ``name``, and call it with the options.

    Raises:
        InputError: The factory cannot be loaded or fails; names the package. An ``MvotError`` that
            the factory raises is passed on.
    """
    point = next(iter(metadata.entry_points(group=group, name=name)))
    package = point.dist.name if point.dist else point.value
    try:
        return point.load()(**options)
    except MvotError:
        raise
    except Exception as error:
        kind = group.rpartition(".")[2].removesuffix("s")
        raise InputError(
            f"{kind} {name!r} of the package {package!r} does not work "
            f"({type(error).__name__}: {error}); repair or remove that package"
        ) from error

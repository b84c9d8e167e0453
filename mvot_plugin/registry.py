"""What other packages add to ours, through their entry points."""

from importlib import metadata
from typing import Any

from mvot_plugin.errors import UsageError

__all__ = ["entry_points", "load_entry_point"]


def entry_points(group: str) -> dict[str, metadata.EntryPoint]:
    """The entry points that installed packages declare in ``group``, by name."""
    return {point.name: point for point in metadata.entry_points(group=group)}


def load_entry_point(group: str, name: str) -> Any:
    """The object behind an entry point; a ``UsageError`` names the package if it will not load."""
    point = entry_points(group)[name]
    try:
        return point.load()
    except Exception as error:
        package = point.dist.name if point.dist else "unknown package"
        raise UsageError(
            f"{name!r} of package {package!r} ({point.value}) cannot be loaded: {error}; "
            f"reinstall or remove that package"
        ) from error

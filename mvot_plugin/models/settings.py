"""Configs of networks, as weights files keep them."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, TypeVar

from mvot_plugin.errors import unknown_name

__all__ = ["config_from"]

ConfigT = TypeVar("ConfigT")


def config_from(kind: type[ConfigT], values: Mapping[str, Any], what: str) -> ConfigT:
    """A config dataclass from plain values, lists for tuples; ``what`` its settings are called.

    Raises ``UsageError`` for an unknown setting, naming the nearest.
    """
    known = [f.name for f in fields(kind)]  # type: ignore[arg-type]
    for key in values:
        if key not in known:
            raise unknown_name(what, key, known)
    return kind(**{k: tuple(v) if isinstance(v, list) else v for k, v in values.items()})

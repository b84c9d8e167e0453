"""Dataclasses of settings from plain values."""

import sys
import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from math import nan
from typing import Any, TypeVar

from mvot_plugin.config.ranges import check_values
from mvot_plugin.errors import UsageError, format_value, unknown_name

__all__ = ["build_config"]

ConfigT = TypeVar("ConfigT")


def build_config(
    kind: type[ConfigT],
    values: Mapping[str, Any],
    *,
    origin: str = "",
    prefix: str = "",
    noun: str = "setting",
    null_as_nan: bool = False,
) -> ConfigT:
    """Build a dataclass from plain values: nested mappings for dataclasses, lists for tuples.

    Args:
        kind: The dataclass; fields that are not among the values keep their defaults.
        values: The values by field name, as YAML, TOML or JSON have them.
        origin: Where they come from; error messages begin with it.
        prefix: What error messages put before the field names.
        noun: What error messages call a field.
        null_as_nan: Whether null stands for NaN in fields of floats.

    Returns:
        An object of ``kind``; its own checks (``__post_init__``) have passed.

    Raises:
        UsageError: A name is unknown (the nearest is named), a value has the wrong type or is out
            of its range, or one without a default is missing.
    """
    return _Decoder(origin=origin, noun=noun, null_as_nan=null_as_nan).build(kind, values, prefix)


@dataclass(frozen=True, kw_only=True)
class _Decoder:
    """Converts plain values to the types of a dataclass's fields."""

    origin: str
    noun: str
    null_as_nan: bool

    def build(self, kind: type[ConfigT], values: Mapping[str, Any], prefix: str) -> ConfigT:
        hints = typing.get_type_hints(kind)
        own = {f.name: f for f in fields(kind) if f.init}  # type: ignore[arg-type]
        for key in values:
            if key not in own:
                known = [prefix + name for name in own]
                raise UsageError(f"{self.origin}{unknown_name(self.noun, f'{prefix}{key}', known)}")
        for name, field in own.items():
            has_default = field.default is not MISSING or field.default_factory is not MISSING
            if name not in values and not has_default:
                raise UsageError(f"{self.origin}{self.noun} '{prefix}{name}' is missing")
        converted = {k: self.convert(v, hints[k], f"{prefix}{k}") for k, v in values.items()}
        check_values(kind, converted, lambda name: f"{self.origin}{self.noun} '{prefix}{name}'")
        return kind(**converted)

    def convert(self, value: Any, hint: Any, name: str) -> Any:
        """Convert a value to the type of its hint; raises ``UsageError`` where it does not fit."""
        kind, arguments = typing.get_origin(hint), typing.get_args(hint)
        if hint is Any:
            return value
        if kind is typing.Literal:
            if value in arguments:
                return value
            if isinstance(value, str):
                raise UsageError(f"{self.origin}{unknown_name(name, value, arguments)}")
        allowed = arguments if kind in (types.UnionType, typing.Union) else (hint,)
        if self.null_as_nan and value is None and hint is float:
            return nan
        for one in allowed:
            if _fits(value, one):
                return self._convert_to(value, one, name)
        expected = " or ".join(_describe(one) for one in allowed)
        raise UsageError(
            f"{self.origin}{self.noun} '{name}' must be {expected}, got {format_value(value)}"
        )

    def _convert_to(self, value: Any, hint: Any, name: str) -> Any:
        if is_dataclass(hint) and isinstance(hint, type):
            return value if isinstance(value, hint) else self.build(hint, value, f"{name}.")
        kind, arguments = typing.get_origin(hint), typing.get_args(hint)
        if kind is tuple:
            each = arguments[:1] * len(value) if arguments[-1] is ... else arguments
            items = enumerate(zip(value, each, strict=True))
            return tuple(self.convert(one, part, f"{name}[{n}]") for n, (one, part) in items)
        if kind in (Mapping, dict):
            return {str(k): self.convert(v, arguments[1], f"{name}.{k}") for k, v in value.items()}
        return float(value) if hint is float else value


def _fits(value: Any, hint: Any) -> bool:
    """Whether a plain value fits a hint that is no union; the items of lists are not checked."""
    kind, arguments = typing.get_origin(hint), typing.get_args(hint)
    if kind is tuple:
        is_open = arguments[-1] is ...
        return isinstance(value, list | tuple) and (is_open or len(value) == len(arguments))
    if kind in (Mapping, dict):
        return isinstance(value, Mapping)
    if is_dataclass(hint) and isinstance(hint, type):
        return isinstance(value, Mapping | hint)
    if hint is float and type(value) is int:
        return abs(value) <= sys.float_info.max
    return type(value) is hint


def _describe(hint: Any) -> str:
    if hint is types.NoneType:
        return "nothing"
    if is_dataclass(hint) or typing.get_origin(hint) in (Mapping, dict):
        return "settings"
    if typing.get_origin(hint) is typing.Literal:
        return " or ".join(map(str, typing.get_args(hint)))
    if typing.get_origin(hint) is tuple:
        arguments = typing.get_args(hint)
        return "a list" if arguments[-1] is ... else f"a list of {len(arguments)}"
    return str(hint.__name__)

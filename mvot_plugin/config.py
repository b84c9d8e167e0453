"""Settings in dataclasses: read from plain values or files, and written as documented YAML."""

import ast
import inspect
import sys
import textwrap
import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from itertools import pairwise
from math import nan
from pathlib import Path
from typing import Any, TypeVar

import yaml

from mvot_plugin.errors import InputError, UsageError, unknown_name

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

__all__ = ["build_config", "format_config", "read_config_file"]

ConfigT = TypeVar("ConfigT")
WIDTH = 96
"""The most columns that a comment takes."""


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
        UsageError: A name is unknown (the nearest is named), a value has the wrong type, or one
            without a default is missing.
    """
    return _Decoder(origin=origin, noun=noun, null_as_nan=null_as_nan).build(kind, values, prefix)


def read_config_file(path: str | Path) -> dict[str, Any]:
    """Read the settings in a ``.yaml``, ``.yml`` or ``.toml`` file, as nested mappings.

    Raises:
        InputError: The file is missing or cannot be parsed.
        UsageError: Its name has another suffix.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
        if path.suffix.lower() == ".toml":
            settings: Any = tomllib.loads(text)
        elif path.suffix.lower() in (".yaml", ".yml"):
            settings = yaml.safe_load(text) or {}
        else:
            raise UsageError(f"--config {path}: the file must end in .yaml, .yml or .toml")
    except OSError as error:
        raise InputError(f"--config {path}: {error.strerror or error}") from error
    except (yaml.YAMLError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"--config {path}: not valid: {reason}") from error
    if not isinstance(settings, dict):
        raise InputError(f"--config {path}: expected 'name: value' settings at the top level")
    return settings


def format_config(config: object) -> str:
    """Write a config dataclass as YAML, with each field's documentation as a comment above it.

    ``build_config`` reads it back. The documentation of a field is the string literal below it.
    """
    return "".join(f"{line}\n" for line in _format_fields(config, indent=""))


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
        return kind(**{k: self.convert(v, hints[k], f"{prefix}{k}") for k, v in values.items()})

    def convert(self, value: Any, hint: Any, name: str) -> Any:
        """Convert a value to the type of its hint; raises ``UsageError`` where it does not fit."""
        kind, arguments = typing.get_origin(hint), typing.get_args(hint)
        if hint is Any:
            return value
        if kind is typing.Literal:
            if value in arguments:
                return value
            raise UsageError(f"{self.origin}{unknown_name(name, str(value), arguments)}")
        allowed = arguments if kind in (types.UnionType, typing.Union) else (hint,)
        if self.null_as_nan and value is None and hint is float:
            return nan
        for one in allowed:
            if _fits(value, one):
                return self._convert_to(value, one, name)
        expected = " or ".join(_describe(one) for one in allowed)
        raise UsageError(f"{self.origin}{self.noun} '{name}' must be {expected}, got {value!r}")

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
    return type(value) is hint or (hint is float and type(value) is int)


def _describe(hint: Any) -> str:
    if hint is types.NoneType:
        return "nothing"
    if is_dataclass(hint) or typing.get_origin(hint) in (Mapping, dict):
        return "settings"
    if typing.get_origin(hint) is tuple:
        arguments = typing.get_args(hint)
        return "a list" if arguments[-1] is ... else f"a list of {len(arguments)}"
    return str(hint.__name__)


def _format_fields(config: Any, indent: str) -> Iterator[str]:
    documentation = _field_documentation(type(config))
    for one in fields(config):
        value, text = getattr(config, one.name), documentation.get(one.name, "").replace("``", "")
        mark = f"{indent}# "
        yield from textwrap.wrap(text, WIDTH, initial_indent=mark, subsequent_indent=mark)
        if is_dataclass(value) and fields(value):
            yield f"{indent}{one.name}:"
            yield from _format_fields(value, f"{indent}  ")
        else:
            plain = {one.name: _to_plain(value)}
            line = yaml.safe_dump(
                plain, default_flow_style=True, sort_keys=False, width=sys.maxsize
            )
            yield f"{indent}{line.strip()[1:-1]}"  # without the braces: a line of a block


def _to_plain(value: Any) -> Any:
    """Convert a value to what YAML can write: tuples become lists."""
    if isinstance(value, Mapping):
        return {key: _to_plain(one) for key, one in value.items()}
    return [_to_plain(one) for one in value] if isinstance(value, list | tuple) else value


def _field_documentation(kind: type[Any]) -> dict[str, str]:
    """The string literals below the fields of a class and, where it has none, of its bases."""
    documentation: dict[str, str] = {}
    for base in reversed(kind.__mro__):
        try:
            (tree,) = ast.parse(textwrap.dedent(inspect.getsource(base))).body
        except (OSError, TypeError, SyntaxError, ValueError):
            continue  # no source: a built-in class, or one created at run time
        body = tree.body if isinstance(tree, ast.ClassDef) else []
        for field, below in pairwise(body):
            if not isinstance(field, ast.AnnAssign) or not isinstance(field.target, ast.Name):
                continue
            if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant):
                documentation[field.target.id] = " ".join(str(below.value.value).split())
    return documentation

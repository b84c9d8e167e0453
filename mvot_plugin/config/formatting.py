"""Dataclasses of settings as YAML, documented."""

import ast
import inspect
import sys
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from itertools import pairwise
from typing import Any

import yaml

__all__ = ["format_config", "read_documentation"]

WIDTH = 88
"""The most columns that a comment takes."""


def format_config(config: object) -> str:
    """Write a config dataclass as YAML, with each field's documentation as a comment above it.

    ``build_config`` reads it back. The documentation of a field is the string literal below it.
    """
    return "".join(f"{line}\n" for line in _format_fields(config, indent=""))


def _format_fields(config: Any, indent: str) -> Iterator[str]:
    documentation = read_documentation(type(config))
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


def read_documentation(kind: type[Any]) -> dict[str, str]:
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

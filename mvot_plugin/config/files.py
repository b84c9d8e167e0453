"""Files of settings: YAML and TOML, of which anyone may have written any byte."""

import sys
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml
from yaml.constructor import ConstructorError

from mvot_plugin.errors import InputError, UsageError, format_value
from mvot_plugin.runtimes.reading import check_file

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

__all__ = ["parse_yaml", "read_config_file"]

_MOST_BYTES = 256 << 10
"""Far more than all settings with their documentation take."""
_MOST_DOTS = 100
"""In a line of TOML."""


def read_config_file(path: str | Path) -> dict[str, Any]:
    """Read the settings in a ``.yaml``, ``.yml`` or ``.toml`` file, as nested mappings.

    Raises:
        InputError: The file is missing, too large, or cannot be parsed.
        UsageError: Its name has another suffix.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in (".yaml", ".yml", ".toml"):
        raise UsageError(f"--config {path}: the file must end in .yaml, .yml or .toml")
    text = _read_text(path)
    if suffix == ".toml":
        settings = _parse_toml(text, f"--config {path}")
    else:
        settings = parse_yaml(text, f"--config {path}")
    if settings is None:
        return {}
    if not isinstance(settings, dict):
        raise InputError(f"--config {path}: expected 'name: value' settings at the top level")
    return settings


def parse_yaml(text: str, origin: str) -> Any:
    """Parse YAML of plain values: no aliases, tags or dates, and each name once.

    Args:
        text: The YAML.
        origin: Where it comes from; error messages begin with it.

    Returns:
        The value; None for an empty text.

    Raises:
        InputError: It is not such a text.
    """
    try:
        return yaml.load(text, Loader=_SettingsLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{origin}, line {mark.line + 1}" if mark else origin
        raise InputError(f"{where}: not valid: {error.problem}") from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise InputError(f"{origin}, line {line}: not valid: {error.reason}") from error
    except RecursionError as error:
        raise InputError(f"{origin}: settings are nested too deep") from error


def _parse_toml(text: str, origin: str) -> dict[str, Any]:
    for number, line in enumerate(text.splitlines(), start=1):
        if line.count(".") > _MOST_DOTS:  # the parser's memory grows with the square of the parts
            raise InputError(f"{origin}, line {number}: not valid: a name has too many parts")
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{origin}: not valid: {error}") from error
    except ValueError as error:
        raise InputError(f"{origin}: not valid: a number has too many digits") from error
    except RecursionError as error:
        raise InputError(f"{origin}: settings are nested too deep") from error


def _read_text(path: Path) -> str:
    check_file(path, "file of settings", _MOST_BYTES)
    try:
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise InputError(f"--config {path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise InputError(f"--config {path}, line {line}: not valid: is not UTF-8 text") from error


class _SettingsLoader(yaml.SafeLoader):
    """Reads plain values: no aliases, which make much of little, and no tags, which name types."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Compose a node; raises ``ConstructorError`` for an alias or a tag."""
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent):
            self._refuse(f"settings take no aliases, such as *{event.anchor}", event)
        if getattr(event, "tag", None) not in (None, "!"):
            self._refuse(f"settings take no tags, such as {event.tag}", event)
        return super().compose_node(parent, index)

    def construct_object(self, node: Any, deep: bool = False) -> Any:
        """Convert a node to a value; numbers may be too long for Python."""
        try:
            return super().construct_object(node, deep)
        except (ValueError, OverflowError):
            self._refuse(f"{format_value(node.value)} is not a number to work with", node)

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Hashable, Any]:
        """Convert a mapping; its keys are names, whatever they look like, and each comes once."""
        settings: dict[Hashable, Any] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self._refuse("a list or mapping stands where a name is expected", key)
            if key.value in settings:
                self._refuse(f"the setting {format_value(key.value)} stands here twice", key)
            settings[key.value] = self.construct_object(value, deep=True)
        return settings

    def _refuse(self, problem: str, where: Any) -> Any:
        raise ConstructorError(None, None, problem, where.start_mark)


_SettingsLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":timestamp")]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}  # no setting is a date

"""Every setting of a run, with its default, and how to read them from a YAML or TOML file."""

import dataclasses
import sys
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import yaml

from mvot_pipelines.pipeline import PipelineConfig
from mvot_plugin.errors import InputError, UsageError, unknown_name

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

__all__ = ["RunConfig", "build", "configured", "read_settings"]

ConfigT = TypeVar("ConfigT")


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """Settings of ``mvot-run``; the command line overrides the file, the file these defaults."""

    source: str | None = None
    detect_every: int = 5
    detector: str = "ultralytics"
    detections: str | None = None
    engine: str = "lk-flow"
    weights: str = "auto"
    conf: float | None = None
    classes: str | None = None
    device: str = "auto"
    precision: str = "auto"
    frame_rate: float | None = None
    save_txt: str | None = None
    save_jsonl: str | None = None
    save_video: str | None = None
    show: bool = False
    quiet: bool = False
    pipeline: PipelineConfig = field(default_factory=PipelineConfig)

    def __post_init__(self) -> None:
        if self.detect_every < 1:
            raise UsageError(f"--detect-every must be 1 or more, got {self.detect_every}")
        if self.frame_rate is not None and not self.frame_rate > 0:
            raise UsageError(f"--frame-rate must be above 0, got {self.frame_rate:g}")
        if self.detections is not None and self.detector != RunConfig.detector:
            raise UsageError("--detector and --detections exclude each other; give one of them")


def read_settings(path: str | Path) -> dict[str, Any]:
    """The settings in a ``.yaml``, ``.yml`` or ``.toml`` file, as nested mappings.

    Raises ``InputError`` for a file that is missing or cannot be parsed.
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


def build(
    kind: type[ConfigT], settings: Mapping[str, Any], origin: str = "", prefix: str = ""
) -> ConfigT:
    """A config dataclass from nested mappings; what is not given keeps its default.

    Raises ``UsageError`` for an unknown key (naming the nearest) or a value of the wrong type;
    ``origin`` says where the settings come from.
    """
    hints = typing.get_type_hints(kind)
    values = {}
    for key, value in settings.items():
        if key not in hints:
            known = {prefix + name for name in hints}
            error = unknown_name("setting", f"{prefix}{key}", known)
            raise UsageError(f"{origin}{error}")
        values[key] = _convert(value, hints[key], f"{prefix}{key}", origin)
    return kind(**values)


def configured(kind: type[ConfigT], path: str | Path | None) -> ConfigT:
    """A config's defaults, changed by the file of ``--config`` if there is one.

    Raises what ``read_settings`` and ``build`` do.
    """
    if path is None:
        return build(kind, {})
    return build(kind, read_settings(path), origin=f"--config {path}: ")


def _convert(value: Any, hint: Any, name: str, origin: str) -> Any:
    if hint is Any:
        return value
    if dataclasses.is_dataclass(hint) and isinstance(hint, type) and isinstance(value, Mapping):
        return build(hint, value, origin, prefix=f"{name}.")
    if typing.get_origin(hint) is Mapping and isinstance(value, Mapping):
        each = typing.get_args(hint)[1]
        return {str(k): _convert(v, each, f"{name}.{k}", origin) for k, v in value.items()}
    if typing.get_origin(hint) is typing.Literal:
        if value in typing.get_args(hint):
            return value
        raise UsageError(f"{origin}{unknown_name(name, str(value), typing.get_args(hint))}")
    if typing.get_origin(hint) is tuple and isinstance(value, (list, tuple)):
        each = typing.get_args(hint)[0]
        return tuple(_convert(one, each, f"{name}[{n}]", origin) for n, one in enumerate(value))
    allowed = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    if float in allowed and type(value) is int:
        return float(value)
    if type(value) in allowed:
        return value
    expected = " or ".join(
        "nothing"
        if one is types.NoneType
        else "settings"
        if dataclasses.is_dataclass(one)
        else "a list"
        if typing.get_origin(one) is tuple
        else one.__name__
        for one in allowed
    )
    raise UsageError(f"{origin}setting '{name}' must be {expected}, got {value!r}")

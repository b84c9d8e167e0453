"""The sub-command of a stage of ``mvot-train``: the options and settings that all stages share."""

import argparse
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

from mvot_plugin.config import build_config, parse_yaml
from mvot_plugin.errors import InputError, UsageError
from mvot_training.config import find_packaged_configs, merge_settings, read_settings
from mvot_training.data.smoke import SMOKE_HELD_OUT, write_smoke_data

__all__ = ["Stage"]

ConfigT = TypeVar("ConfigT")
COLUMNS = 96
"""Columns that a line of help takes at most."""


@dataclass(frozen=True, kw_only=True)
class Stage(Generic[ConfigT]):
    """A stage: what it trains, its settings, and how to run it from the command line."""

    name: str
    """The name of the sub-command."""
    summary: str
    """What it trains, in one line."""
    config: type[ConfigT]
    """The dataclass of its settings."""
    output: str
    """The default of ``--output``."""
    smoke: Mapping[str, Any]
    """The settings of ``--smoke``, by name."""
    train: Callable[..., Path]
    """Called with the settings, the data folders and the output folder, and by name with device,
    hours, cache and ``train_options``; returns the path of the file it writes."""
    add_options: Callable[[Any], None] = field(default=lambda group: None)
    """Adds the stage's own options to an ``argparse`` group."""
    setting_options: tuple[str, ...] = ()
    """Those of its own options that are settings of the same name."""
    train_options: tuple[str, ...] = ()
    """Those of its own options that ``train`` takes by name."""
    requires_weights: bool = False
    """Whether ``--weights`` is required."""
    smoke_weights: Callable[[ConfigT], Path | None] | None = None
    """The packaged weights that ``--smoke`` starts from, unless others are named."""
    held_out: str = "held_out"
    """The setting that names the sequences to validate on."""

    def add_to(self, stages: Any) -> None:
        """Add the sub-command to the sub-commands of an ``argparse`` parser."""
        parser = stages.add_parser(
            self.name,
            description=f"Train {self.summary}.\n\n{_NOTE}",
            epilog=_format_packaged_configs(self.name),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        _add_shared_options(parser, self.output)
        self.add_options(parser.add_argument_group(f"options of {self.name}"))
        parser.set_defaults(stage=self)

    def configure(self, options: argparse.Namespace) -> ConfigT:
        """The settings: defaults, changed by ``--config``, own options, ``--smoke``, ``--set``.

        Raises ``UsageError`` for settings that do not exist, naming the nearest, or are invalid.
        """
        settings: dict[str, Any] = {}
        if options.config is not None:
            settings = read_settings(options.config, self.name)
            build_config(self.config, settings, origin=f"--config {options.config}: ")
        own = {name: getattr(options, name) for name in self.setting_options}
        settings |= {name: value for name, value in own.items() if value is not None}
        if options.smoke:
            settings = merge_settings(settings, self.smoke)
            if options.data is None:
                _assign(settings, self.held_out, [SMOKE_HELD_OUT])
        config = build_config(self.config, settings)
        if not options.set:
            return config
        settings = asdict(config)  # type: ignore[call-overload]
        for text in options.set:
            _assign(settings, *_parse_assignment(text))
        return build_config(self.config, settings, origin="--set: ")

    def run(self, config: ConfigT, options: argparse.Namespace) -> Path:
        """Train; returns the path of the file that the training writes.

        Raises ``UsageError`` for options that are missing or invalid.
        """
        if not options.hours > 0:
            raise UsageError("--hours must be more than 0")
        if options.smoke and self.smoke_weights is not None and _names_no_weights(options):
            options.weights = self.smoke_weights(config)
        required = ("weights", "data") if self.requires_weights else ("data",)
        missing = [f"--{name}" for name in required if getattr(options, name) is None]
        if missing and not (options.smoke and missing == ["--data"]):
            raise UsageError(
                f"the following arguments are required: {', '.join(missing)}; "
                f"see mvot-train {self.name} --help"
            )
        if options.data is None:
            options.data = write_smoke_data(options.output / "smoke-data")
        names = ("device", "hours", "cache", *self.train_options)
        keywords = {name: getattr(options, name) for name in names}
        return self.train(config, options.data, options.output, **keywords)


def _names_no_weights(options: argparse.Namespace) -> bool:
    """Whether a training would start from weights that the user did not choose."""
    return options.weights is None and getattr(options, "backbone", None) is None


_NOTE = """\
A training that was stopped continues from the checkpoint in --output. The settings are the
defaults, changed by --config, then by the other options, then by --smoke, then by --set."""


def _add_shared_options(parser: argparse.ArgumentParser, output: str) -> None:
    add = parser.add_argument_group("data and results").add_argument
    add("--data", nargs="+", type=Path, metavar="DIR", help="sequences and photos to train on")
    add(
        "--output",
        type=Path,
        default=Path(output),
        metavar="DIR",
        help=f"checkpoints, curves and weights go here (default {output})",
    )
    add("--cache", type=Path, metavar="DIR", help="keep prepared data here, for the next run")
    add = parser.add_argument_group("settings").add_argument
    add("--config", metavar="FILE", help="a .yaml or .toml file, or the name of a packaged config")
    add(
        "--set",
        action="append",
        metavar="NAME=VALUE",
        help="change a setting, such as steps=100 or held_out=[a,b]; a dot goes into nested ones; "
        "may be repeated",
    )
    add("--smoke", action="store_true", help="a few steps, as a test; makes its own --data")
    add("--print-config", action="store_true", help="show the settings and exit")
    add = parser.add_argument_group("running").add_argument
    add("--hours", type=float, default=1.0, metavar="H", help="stop after so long (default 1)")
    add("--device", default="auto", metavar="D", help="auto, cpu, cuda, ... (default auto)")


def _format_packaged_configs(stage: str) -> str:
    """The part of the help on the packaged configs of a stage, if it has any."""
    configs = find_packaged_configs(stage)
    lines = [
        textwrap.fill(f"{name:22} {text}", COLUMNS, initial_indent="  ", subsequent_indent=" " * 25)
        for name, text in configs.items()
    ]
    return "\n".join(["packaged configs (--config NAME):", *lines]) if lines else ""


def _parse_assignment(text: str) -> tuple[str, Any]:
    """The name and the value of ``NAME=VALUE``; the value is YAML."""
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise UsageError(f"--set {text}: expected NAME=VALUE, such as steps=100")
    try:
        parsed = parse_yaml(value, f"--set {text}") if value else ""
    except InputError as error:
        raise UsageError(str(error)) from error
    return name, float(parsed) if isinstance(parsed, str) and _is_number(parsed) else parsed


def _is_number(text: str) -> bool:
    """Whether a string is a number such as 1e-3, which YAML takes for a string."""
    try:
        float(text)
    except ValueError:
        return False
    return any(letter.isdigit() for letter in text)


def _assign(settings: dict[str, Any], name: str, value: Any) -> None:
    """Set a setting, whose name may be dotted, in nested mappings."""
    *path, last = name.split(".")
    for part in path:
        inner = settings.get(part)
        settings[part] = dict(inner) if isinstance(inner, Mapping) else {}
        settings = settings[part]
    settings[last] = value

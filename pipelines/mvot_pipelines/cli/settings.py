"""The settings of a run, by its options, its configuration file and its list of sources."""

import argparse
import shlex
from dataclasses import replace
from typing import Any

from mvot_pipelines.cli.options import build_parser
from mvot_pipelines.config import RunConfig
from mvot_plugin.config import build_config, check_values, read_config_file
from mvot_plugin.errors import InputError, UsageError
from mvot_plugin.textfile import read_bytes

__all__ = ["build_configs"]

_MOST_BYTES = 1 << 20
_OF_ALL = frozenset(
    {
        "classes",
        "conf",
        "config",
        "demo",
        "detector",
        "detector_batch",
        "detector_share",
        "device",
        "embedder",
        "engine",
        "list_engines",
        "overwrite",
        "precision",
        "print_config",
        "quiet",
        "runtime",
        "serve",
        "serve_host",
        "serve_token",
        "show",
        "sources_file",
        "threads",
        "weights",
    }
)
"""Options that hold for all streams of a run."""


def build_configs(options: argparse.Namespace) -> list[RunConfig]:
    """The settings of each stream: at least one, whose source may be missing.

    These are the defaults, changed by the ``--config`` file, changed by the command line, changed
    by what the list of sources says of the stream.
    """
    given = vars(options)
    sources: list[dict[str, Any]] = [{"source": source} for source in given.get("sources", ())]
    if "sources_file" in given:
        sources += _read_sources(given["sources_file"])
    if "name" in given and len(sources) > 1:
        raise UsageError("--name names one source: write it into the lines of a --sources FILE")
    configs = [_build_config({**given, **own}, given.get("config")) for own in sources or [{}]]
    if len(configs) > 1 and configs[0].show:
        raise UsageError("--show shows one source: watch several in a browser, with --serve PORT")
    return configs


def _read_sources(file: str) -> list[dict[str, Any]]:
    """The sources in a list, each with its own options."""
    try:
        lines = read_bytes(file, _MOST_BYTES).decode("utf-8-sig").splitlines()
    except OSError as error:
        raise InputError(f"--sources {file}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"--sources {file}: this is no text (UTF-8)") from error
    found = [_parse_line(line, f"--sources {file}, line {n}") for n, line in enumerate(lines, 1)]
    if not any(found):
        raise InputError(f"--sources {file} names no source: write one in each line")
    return [source for source in found if source]


def _parse_line(line: str, origin: str) -> dict[str, Any]:
    """The source in a line, with its options; nothing for an empty line or a comment."""
    try:
        words = shlex.split(line, comments=True)
        source = _parse_source(words) if words else {}
        _build_config(source, None)  # so that what is out of range is said to be in this line
        return source
    except (UsageError, ValueError) as error:
        raise UsageError(f"{origin}: {error}") from error


def _parse_source(words: list[str]) -> dict[str, Any]:
    """A source with its options, from the words of a line."""
    if about := sorted({"-h", "--help", "--version"} & {*words}):
        raise UsageError(f"{about[0]} is no option of a source: leave it out")
    given = {k: v for k, v in vars(build_parser().parse_args(words)).items() if v not in (None, [])}
    sources = given.pop("sources", [])
    if len(sources) != 1:
        raise UsageError("write one source, and its options after it")
    ours = {name for name, value in given.items() if value is not False}
    if shared := sorted(ours & _OF_ALL):
        option = "sources" if shared[0] == "sources_file" else shared[0].replace("_", "-")
        raise UsageError(f"--{option} holds for all sources: give it on the command line")
    return {"source": sources[0], **{name: given[name] for name in ours}}


def _build_config(given: dict[str, Any], file: str | None) -> RunConfig:
    """The defaults, changed by the ``--config`` file, changed by what is given."""
    overrides = {k: v for k, v in given.items() if k in RunConfig.__dataclass_fields__}
    check_values(RunConfig, overrides, _name_option)
    if file is None:
        config = build_config(RunConfig, overrides)
    else:
        settings = read_config_file(file) | overrides
        config = build_config(RunConfig, settings, origin=f"--config {file}: ")
    return _apply_nested(config, given)


def _apply_nested(config: RunConfig, given: dict[str, Any]) -> RunConfig:
    """The settings, changed by the options of settings within others."""
    pipeline, counting = config.pipeline, config.counting
    pipeline = replace(pipeline, solver=given.get("solver", pipeline.solver))
    if given.get("per_class"):
        pipeline = replace(pipeline, affinity=replace(pipeline.affinity, other_class=0.0))
    lines = tuple(given.get("count_line", counting.lines))
    counting = replace(counting, lines=lines, zones=given.get("zone", counting.zones))
    return replace(config, pipeline=pipeline, counting=counting)


def _name_option(setting: str) -> str:
    return "SOURCE" if setting == "source" else f"--{setting.replace('_', '-')}"

"""What is made while the site is built, from the code itself.

The pages of the commands and of the settings; an element around each figure, which keeps the cells
of its tables on one line; and, in any page, the table of the settings of a
dataclass, in the place of a line such as::

    <!-- settings: mvot_plugin.engines.lk_flow.LKFlowEngine NAME NAME -->

(with the names of some of them, or of all without names).
"""

import dataclasses
import os
import pkgutil
import re
from argparse import ArgumentParser, _SubParsersAction
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files

from mvot_benchmarks.cli import build_parser as build_bench
from mvot_pipelines.cli.options import build_parser as build_run
from mvot_pipelines.cluster.cli import build_parser as build_cluster
from mvot_pipelines.config import RunConfig
from mvot_pipelines.export import build_parser as build_export
from mvot_plugin.config import format_config
from mvot_plugin.config.formatting import read_documentation
from mvot_training.cli import build_parser as build_train
from mvot_training.cli import load_stages

COLUMNS = "88"
"""The width of the help texts."""

COMMANDS: Mapping[str, tuple[str, Callable[[], ArgumentParser]]] = {
    "mvot-run": ("Tracks videos, cameras and streams.", build_run),
    "mvot-cluster": ("Tracks on the workers of a Ray cluster (extra `ray`).", build_cluster),
    "mvot-bench": ("Measures quality and cost (extra `bench`).", build_bench),
    "mvot-train": ("Trains the networks (extra `train`).", lambda: build_train(load_stages())),
    "mvot-export": ("Writes a network as graphs (extra `torch`).", build_export),
}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages."""
    pages = {"reference/commands.md": write_commands(), "reference/settings.md": write_settings()}
    for path, text in pages.items():
        files.append(File.generated(config, path, content=text))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Write the tables of settings of a page, and put figures into elements of their own."""
    markdown = re.sub(
        r"^<!-- figure: [^\n]* -->\n\n(.*?)\n\n<!-- end of figure -->$",
        r'<div class="figure" markdown>\n\n\1\n\n</div>',
        markdown,
        flags=re.MULTILINE | re.DOTALL,
    )
    return re.sub(
        r"^<!-- settings: (\S+)( .*?)? -->$",
        lambda mark: write_table(mark[1], (mark[2] or "").split()),
        markdown,
        flags=re.MULTILINE,
    )


def write_table(path: str, names: list[str]) -> str:
    """The settings of a dataclass as a table: name, default, meaning."""
    kind = pkgutil.resolve_name(path)
    documentation = read_documentation(kind)
    fields = {one.name: one for one in dataclasses.fields(kind) if one.init}
    missing = [name for name in names or fields if name not in fields or not documentation[name]]
    if missing:
        raise PluginError(f"{path} has no documented setting {missing[0]!r}")
    lines = ["| setting | default | what it is |", "| --- | --- | --- |"]
    for name in names or fields:
        text = documentation[name].replace("``", "`").replace("|", "\\|")
        lines.append(f"| `{name}` | {_format_default(fields[name])} | {text} |")
    return "\n".join(lines)


def _format_default(field: "dataclasses.Field[Any]") -> str:
    """A field's default, in short."""
    value = field.default
    if value is dataclasses.MISSING and callable(field.default_factory):
        value = field.default_factory()
    if value is dataclasses.MISSING:
        return ""
    return f"`{type(value).__name__}`" if dataclasses.is_dataclass(value) else f"`{value!r}`"


def write_commands() -> str:
    """The page with the help of all commands and of their sub-commands."""
    os.environ["COLUMNS"] = COLUMNS
    lines = ["# Commands", "What each command prints with `--help`."]
    for name, (summary, build) in COMMANDS.items():
        parser = build()
        lines += [f"## {name}", summary, _format_help(parser)]
        for sub_name, sub_parser in _find_commands(parser):
            lines += [f"### {name} {sub_name}", _format_help(sub_parser)]
    return "\n\n".join(lines) + "\n"


def write_settings() -> str:
    """The page with all settings of runs and trainings, their defaults and what each means."""
    lines = [
        "# Settings",
        "Every setting of a run, as `mvot-run --print-config` prints it: save it, change what you "
        "like, and give it to `--config`. In Python these are the fields of `RunConfig`, and those "
        "of `pipeline` the fields of `PipelineConfig`.",
        _format_block(format_config(RunConfig(source="video.mp4")), "yaml"),
        "The settings of a training are printed by `mvot-train STAGE --print-config`; `--set` "
        "changes one of them.",
    ]
    return "\n\n".join(lines) + "\n"


def _find_commands(parser: ArgumentParser) -> Iterator[tuple[str, ArgumentParser]]:
    """The sub-commands of a parser, by name."""
    for action in parser._actions:
        if isinstance(action, _SubParsersAction):
            choices: Mapping[str, Any] = action.choices
            yield from choices.items()


def _format_help(parser: ArgumentParser) -> str:
    """A parser's help as a block of code."""
    return _format_block(parser.format_help(), "text")


def _format_block(text: str, language: str) -> str:
    """Text as a block of code."""
    return f"```{language}\n{text.rstrip()}\n```"

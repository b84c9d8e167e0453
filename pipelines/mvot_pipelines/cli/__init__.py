"""The command ``mvot-run``."""

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib import metadata

from mvot_pipelines.cli.command import (
    Parser,
    format_version,
    print_error,
    print_output,
    run_command,
)
from mvot_pipelines.cli.options import build_parser
from mvot_pipelines.config import RunConfig
from mvot_pipelines.runner import run
from mvot_plugin.config import build_config, check_values, format_config, read_config_file
from mvot_plugin.engines import describe_engines
from mvot_plugin.errors import UsageError
from mvot_plugin.threads import check_threads, limit_threads

__all__ = ["Parser", "format_version", "main", "print_error", "print_output", "run_command"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    return run_command("mvot-run", lambda: _run(build_parser().parse_args(arguments)))


def _run(options: argparse.Namespace) -> int:
    """Do what the options ask for; returns the exit code."""
    if options.list_engines:
        engines = describe_engines().items()
        print_output("\n".join(f"{name:13} {purpose}" for name, purpose in engines))
        return 0
    if options.demo is not None:
        with limit_threads(check_threads(getattr(options, "threads", None))):
            print_output(_load_demo()(options.demo, quiet=getattr(options, "quiet", False)))
        return 0
    config = _build_config(options)
    if options.print_config:
        print_output(format_config(config).removesuffix("\n"))
        return 0
    return _track(config, options.config)


def _track(config: RunConfig, config_file: str | None) -> int:
    """Run and report; returns the exit code."""
    with limit_threads(check_threads(config.threads)):
        report = run(config, config_file=config_file)
    if not config.quiet:
        uses_stdout = "-" in (config.save_txt, config.save_jsonl, config.publish)
        print_output(report.summary(), sys.stderr if uses_stdout else None)
    if report.interrupted:
        print_error("mvot-run", f"interrupted after {report.frames} frames")
    if report.error is not None:
        raise report.error
    return 1 if report.interrupted else 0


def _load_demo() -> Callable[..., str]:
    """The demo; it belongs to the benchmarks (it computes scores), so an entry point names it."""
    points = metadata.entry_points(group="mvot_pipelines.demo", name="street")
    if not points:
        raise UsageError("--demo needs mvot-plugin installed: pip install 'mvot-plugin[bench]'")
    demo: Callable[..., str] = next(iter(points)).load()
    return demo


def _build_config(options: argparse.Namespace) -> RunConfig:
    """The defaults, changed by the ``--config`` file, changed by the command line."""
    overrides = {k: v for k, v in vars(options).items() if k in RunConfig.__dataclass_fields__}
    check_values(RunConfig, overrides, _name_option)
    if options.config is None:
        config = build_config(RunConfig, overrides)
    else:
        settings = read_config_file(options.config) | overrides
        config = build_config(RunConfig, settings, origin=f"--config {options.config}: ")
    return _apply_nested(config, options)


def _apply_nested(config: RunConfig, options: argparse.Namespace) -> RunConfig:
    """The settings, changed by the options of settings within others."""
    pipeline, counting = config.pipeline, config.counting
    pipeline = replace(pipeline, solver=getattr(options, "solver", pipeline.solver))
    if getattr(options, "per_class", False):
        pipeline = replace(pipeline, affinity=replace(pipeline.affinity, other_class=0.0))
    lines = tuple(getattr(options, "count_line", counting.lines))
    counting = replace(counting, lines=lines, zones=getattr(options, "zone", counting.zones))
    return replace(config, pipeline=pipeline, counting=counting)


def _name_option(setting: str) -> str:
    return "SOURCE" if setting == "source" else f"--{setting.replace('_', '-')}"

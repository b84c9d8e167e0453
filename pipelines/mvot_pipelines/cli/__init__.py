"""The command ``mvot-run``."""

import argparse
import sys
from collections.abc import Callable, Sequence
from importlib import metadata

from mvot_pipelines.cli.command import (
    Parser,
    format_version,
    print_engines,
    print_error,
    print_output,
    run_command,
)
from mvot_pipelines.cli.options import build_parser
from mvot_pipelines.cli.settings import build_configs
from mvot_pipelines.config import RunConfig
from mvot_pipelines.runner import run
from mvot_pipelines.streams.runner import run_streams
from mvot_plugin.config import format_config
from mvot_plugin.errors import UsageError
from mvot_plugin.threads import check_threads, limit_threads

__all__ = ["Parser", "format_version", "main", "print_error", "print_output", "run_command"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    return run_command("mvot-run", lambda: _run(build_parser().parse_args(arguments)))


def _run(options: argparse.Namespace) -> int:
    """Do what the options ask for; returns the exit code."""
    if options.list_engines:
        print_engines()
        return 0
    if options.demo is not None:
        with limit_threads(check_threads(getattr(options, "threads", None))):
            print_output(_load_demo()(options.demo, quiet=getattr(options, "quiet", False)))
        return 0
    configs = build_configs(options)
    if options.print_config:
        texts = (format_config(config).removesuffix("\n") for config in configs)
        print_output("\n---\n".join(texts))
        return 0
    files = [name for name in (options.config, getattr(options, "sources_file", None)) if name]
    return _track(configs[0], files) if len(configs) == 1 else _track_several(configs, files)


def _track(config: RunConfig, config_files: Sequence[str]) -> int:
    """Run and report; returns the exit code."""
    with limit_threads(check_threads(config.threads)):
        report = run(config, config_files=config_files)
    _print_summary(report.summary(), [config])
    if report.interrupted:
        print_error("mvot-run", f"interrupted after {report.frames} frames")
    if report.error is not None:
        raise report.error
    return 1 if report.interrupted else 0


def _track_several(configs: Sequence[RunConfig], config_files: Sequence[str]) -> int:
    """Run several streams and report; returns the exit code."""
    report = run_streams(configs, config_files=config_files)
    _print_summary(report.summary(), configs)
    if report.interrupted:
        print_error("mvot-run", f"interrupted after {report.frames} frames")
    errors = [(one.name, one.error) for one in report.reports if one.error is not None]
    for name, error in errors:
        print_error("mvot-run", f"{name}: {error}")
    return 1 if report.interrupted or errors else 0


def _print_summary(text: str, configs: Sequence[RunConfig]) -> None:
    """Print the summary, on stderr where stdout is an output."""
    if not configs[0].quiet:
        outputs = [(one.save_txt, one.save_jsonl, one.publish) for one in configs]
        print_output(text, sys.stderr if any("-" in paths for paths in outputs) else None)


def _load_demo() -> Callable[..., str]:
    """The demo; it belongs to the benchmarks (it computes scores), so an entry point names it."""
    points = metadata.entry_points(group="mvot_pipelines.demo", name="street")
    if not points:
        raise UsageError("--demo needs mvot-plugin installed: pip install 'mvot-plugin[bench]'")
    demo: Callable[..., str] = next(iter(points)).load()
    return demo

"""The command ``mvot-cluster``."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from mvot_pipelines.cli.command import (
    Parser,
    format_version,
    print_engines,
    print_error,
    print_output,
    run_command,
)
from mvot_pipelines.cli.options import build_parser as build_run_parser
from mvot_pipelines.cli.settings import build_configs
from mvot_pipelines.cluster.config import ClusterConfig
from mvot_pipelines.cluster.recordings import run_recordings
from mvot_pipelines.cluster.streams import run_live
from mvot_pipelines.config import RunConfig
from mvot_pipelines.sources.capture import is_url
from mvot_pipelines.streams.names import fill_in_name, name_streams, to_file_name
from mvot_pipelines.streams.report import StreamsReport
from mvot_pipelines.streams.stream import open_configured_source
from mvot_plugin.config import check_values, format_config
from mvot_plugin.errors import UsageError
from mvot_plugin.extras import is_cpu

__all__ = ["build_parser", "main"]

_COMMAND = "mvot-cluster"
_DESCRIPTION = """\
Track recordings and live streams on the workers of a Ray cluster, or on several workers of this
machine. Recordings are cut into overlapping pieces that are tracked side by side."""
_EXAMPLES = """\
examples:
  mvot-cluster day.mp4 --workers 2                      two workers on this machine
  mvot-cluster day.mp4 --address auto                   all machines of the cluster
  mvot-cluster a.mp4 b.mp4 --gpus 0.5 --detector yolo11s.pt --save-jsonl '{name}.jsonl'
  mvot-cluster rtsp://camera/1 rtsp://camera/2 --address auto --cpus 2

With no output asked for, NAME-tracks.txt is written to the current folder. Videos, windows and
pages are made by mvot-run. Exit codes: 0 done, 1 failed or interrupted, 2 wrong usage."""
_REFUSED = {
    "save_video": "only tracks travel, no images: use mvot-run",
    "show": "a window shows one machine's run: use mvot-run",
    "serve": "the page shows one machine's run: use mvot-run",
    "publish": "tracks are sent by one machine's run: use mvot-run, or follow --save-jsonl",
    "count_line": "counting is done by mvot-run",
    "zone": "counting is done by mvot-run",
    "demo": "use mvot-run --demo",
    "threads": "a worker uses as many threads as its --cpus",
}
"""What mvot-run does and this does not, and what to do instead."""
_HIDDEN = {*_REFUSED, "serve_host", "serve_token", "detector_batch"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    return run_command(_COMMAND, lambda: _run(build_parser().parse_args(arguments)))


def build_parser() -> Parser:
    """The parser of the command line: that of ``mvot-run``, and the options of the cluster."""
    parser = build_run_parser()
    parser.prog, parser.usage = _COMMAND, f"{_COMMAND} SOURCE [SOURCE ...] [option ...]"
    parser.description, parser.epilog = _DESCRIPTION, _EXAMPLES
    for action in parser._actions:
        if action.dest in _HIDDEN:
            action.help = argparse.SUPPRESS
        if action.dest == "version":
            action.version = format_version(_COMMAND)  # type: ignore[attr-defined]
    _add_cluster_options(parser.add_argument_group("cluster (extra: ray)"))
    return parser


def _add_cluster_options(group: Any) -> None:
    def add(name: str, **options: Any) -> None:
        group.add_argument(name, default=argparse.SUPPRESS, **options)

    default = ClusterConfig()
    add(
        "--address",
        metavar="ADDR",
        help="the Ray cluster: auto (that of this machine) or HOST:PORT (default: one of its own)",
    )
    add("--workers", type=int, metavar="N", help="how many (default: as many as there is room for)")
    add("--cpus", type=float, metavar="N", help=f"cores of a worker (default {default.cpus:g})")
    add("--gpus", type=float, metavar="N", help="GPUs of a worker, 0.5 for a half (default 0)")
    add(
        "--piece",
        type=float,
        metavar="SEC",
        help=f"length of the pieces of recordings (default {default.piece:g})",
    )
    add(
        "--overlap",
        type=float,
        metavar="SEC",
        help="what two pieces share, to join identities (default 5, or 20 detections)",
    )
    add(
        "--tries",
        type=int,
        metavar="N",
        help=f"how many workers may die on the same piece (default {default.tries})",
    )


def _run(options: argparse.Namespace) -> int:
    """Do what the options ask for; returns the exit code."""
    given = vars(options)
    _refuse(given)
    if options.list_engines:
        print_engines()
        return 0
    names = {field.name for field in fields(ClusterConfig)}
    settings = {name: value for name, value in given.items() if name in names}
    check_values(ClusterConfig, settings, lambda name: f"--{name}")
    cluster = ClusterConfig(**settings)
    configs = build_configs(options)
    if options.print_config:
        print_output("\n---\n".join(format_config(c).removesuffix("\n") for c in configs))
        return 0
    files = [name for name in (options.config, given.get("sources_file")) if name]
    return _report(_track(configs, cluster, files), configs)


def _track(
    configs: Sequence[RunConfig], cluster: ClusterConfig, files: Sequence[str]
) -> StreamsReport:
    """Track recordings, or live streams."""
    prepared = [_prepare(config, cluster) for config in name_streams(configs)]
    with ExitStack() as stack:
        named = [config for config in prepared if not _is_surely_live(config)]
        sources = [stack.enter_context(open_configured_source(config)) for config in named]
        live = len(prepared) - sum(not source.is_live for source in sources)
        if live and live < len(prepared):
            raise UsageError(
                "recordings and live streams are tracked in commands of their own: a recording "
                "would wait for streams that never end"
            )
        if not live:
            return run_recordings(prepared, sources, cluster, files)
    return run_live(prepared, cluster, files)


def _refuse(given: Mapping[str, Any]) -> None:
    """Raise ``UsageError`` for what is asked for by a name, and is only done by ``mvot-run``."""
    for name, hint in _REFUSED.items():
        value = given.get(name)
        if value is not None and value is not False:
            raise UsageError(f"{_COMMAND} has no --{name.replace('_', '-')}: {hint}")


def _prepare(config: RunConfig, cluster: ClusterConfig) -> RunConfig:
    """The settings of a source as all machines understand them."""
    source = config.source
    if source is None:
        raise UsageError("no SOURCE given: name videos, folders, or the URLs of streams")
    _refuse({**vars(config), "threads": None, "zone": config.counting.is_asked_for})
    if not source.isdecimal() and not is_url(source):
        source = str(Path(source).absolute())
    if not (config.save_txt or config.save_jsonl):
        config = replace(config, save_txt=f"{to_file_name(config.name or 'stream')}-tracks.txt")
    threads, device = max(1, int(cluster.cpus)), _choose_device(config, cluster)
    return fill_in_name(replace(config, source=source, threads=threads, device=device))


def _choose_device(config: RunConfig, cluster: ClusterConfig) -> str:
    """Where networks run: workers that ask for no GPU leave those there are to others."""
    if cluster.gpus:
        return config.device
    if config.device != "auto" and not is_cpu(config.device):
        raise UsageError(
            f"--device {config.device} needs a share of a GPU for each worker: add --gpus, such "
            "as --gpus 1 or --gpus 0.5"
        )
    return "cpu" if config.device == "auto" else config.device


def _is_surely_live(config: RunConfig) -> bool:
    """Whether a source is live by its name; it need not be reachable from here."""
    source = config.source or ""
    return config.live or source.isdecimal() or source.lower().startswith(("rtsp", "rtmp"))


def _report(report: StreamsReport, configs: Sequence[RunConfig]) -> int:
    """Print what was done; returns the exit code."""
    if not configs[0].quiet:
        uses_stdout = any("-" in (c.save_txt, c.save_jsonl) for c in configs)
        print_output(_summarize(report), sys.stderr if uses_stdout else None)
    if report.interrupted:
        print_error(_COMMAND, f"interrupted after {report.frames} frames, which are written")
    errors = [one for one in report.reports if one.error is not None]
    for one in errors:
        name = f"{one.name}: " if len(report.reports) > 1 else ""
        print_error(_COMMAND, f"{name}{one.error}")
    return 1 if report.interrupted or errors else 0


def _summarize(report: StreamsReport) -> str:
    """The report as text: for one source, without the times of stages, which workers have."""
    if len(report.reports) > 1:
        return report.summary()
    (one,) = report.reports
    lines = one.summary().split("\n\n")[0].split("\n")
    lines += [f"saved {path}" for path in one.saved]
    return "\n".join([*lines, *(f"note: {note}" for note in (*report.notes, *one.notes))])

"""The command ``mvot-run``."""

import argparse
import sys
from collections.abc import Callable, Sequence
from importlib import metadata
from typing import Any, NoReturn

from mvot_pipelines.config import RunConfig
from mvot_pipelines.runner import run
from mvot_plugin.config import build_config, format_config, read_config_file
from mvot_plugin.engines import describe_engines
from mvot_plugin.errors import MvotError, UsageError, unknown_name
from mvot_plugin.threads import check_threads, limit_threads

__all__ = ["Parser", "format_version", "main"]

_DESCRIPTION = """\
Track every object on every frame of a video, with the detector on every k-th frame only.
A motion engine moves all boxes on the frames between."""

_EXAMPLES = """\
examples:
  mvot-run --demo                                       see it work, no files needed
  mvot-run video.mp4 --detect-every 5                   YOLO on every 5th frame
  mvot-run video.mp4 --detector my.onnx --classes person,car --show
  mvot-run frames/ --detections det.txt --save-txt tracks.txt --save-video tracks.mp4
  mvot-run rtsp://camera/1 --detector yolo11s.pt --save-jsonl tracks.jsonl
  mvot-run video.mp4 --live --detect-every auto --detector-share 0.3 --show

SOURCE is a video file, a folder of images, a MOT sequence folder (seqinfo.ini), a camera number
or a stream's URL. With no output asked for, NAME-tracks.txt and NAME-tracks.mp4 are written to
the current folder. Exit codes: 0 done, 1 failed or interrupted, 2 wrong usage."""


def format_version(command: str) -> str:
    """The text that ``--version`` prints."""
    try:
        return f"{command} {metadata.version('mvot-plugin')}"
    except metadata.PackageNotFoundError:
        return f"{command}, from a source tree that is not installed"


class Parser(argparse.ArgumentParser):
    """Raises errors instead of exiting, and suggests the nearest option for an unknown one."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> tuple[Any, list[str]]:
        """Parse all of ``args``; raises ``UsageError`` for what is left over, sub-commands too."""
        parsed, rest = super().parse_known_args(args, namespace)
        for extra in rest:
            if extra.startswith("-"):
                raise unknown_name("option", extra.split("=")[0], self._option_string_actions)
            raise UsageError(f"unexpected argument {extra!r}; see {self.prog} --help")
        return parsed, rest

    def error(self, message: str) -> NoReturn:
        """Raise argparse's error as a ``UsageError``."""
        raise UsageError(f"{message}; see {self.prog} --help")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    try:
        options = _build_parser().parse_args(arguments)
        if options.list_engines:
            engines = describe_engines().items()
            print("\n".join(f"{name:13} {purpose}" for name, purpose in engines))
            return 0
        if options.demo is not None:
            with limit_threads(check_threads(getattr(options, "threads", None))):
                print(_load_demo()(options.demo, quiet=getattr(options, "quiet", False)))
            return 0
        config = _build_config(options)
        if options.print_config:
            print(format_config(config), end="")
            return 0
        with limit_threads(check_threads(config.threads)):
            report = run(config)
    except MvotError as error:
        print(f"mvot-run: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("mvot-run: interrupted", file=sys.stderr)
        return 1
    if not config.quiet:
        print(report.summary())
    if report.interrupted:
        print(f"mvot-run: interrupted after {report.frames} frames", file=sys.stderr)
    if report.error is not None:
        print(f"mvot-run: {report.error}", file=sys.stderr)
        return report.error.exit_code
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
    if options.config is None:
        return build_config(RunConfig, overrides)
    settings = read_config_file(options.config)
    return build_config(RunConfig, settings | overrides, origin=f"--config {options.config}: ")


def _build_parser() -> Parser:
    parser = Parser(
        prog="mvot-run",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "source",
        nargs="?",
        metavar="SOURCE",
        default=argparse.SUPPRESS,
        help="a video, a folder, a camera number or a URL",
    )
    _add_tracking_options(parser.add_argument_group("tracking"))
    _add_live_options(parser.add_argument_group("live sources and slow detectors"))
    _add_output_options(parser.add_argument_group("output"))
    about = parser.add_argument_group("more")
    about.add_argument(
        "--demo", nargs="?", const="demo", metavar="DIR", help="render, track and score a street"
    )
    about.add_argument("--config", metavar="FILE", help="any setting, as YAML or TOML")
    about.add_argument("--print-config", action="store_true", help="show all settings and exit")
    about.add_argument("--list-engines", action="store_true", help="show the engines and exit")
    about.add_argument("--version", action="version", version=format_version("mvot-run"))
    return parser


def _add_tracking_options(group: Any) -> None:
    def add(*names: str, **options: Any) -> None:
        group.add_argument(*names, default=argparse.SUPPRESS, **options)

    default = RunConfig()
    add(
        "--detect-every",
        type=_parse_interval,
        metavar="K",
        help=f"detect on every K-th frame (default {default.detect_every}), or, with auto, where "
        "it is worth most",
    )
    add(
        "--detector",
        metavar="NAME",
        help="an ONNX file, a YOLO model, a registered one, packaged, or auto (default)",
    )
    add("--detections", metavar="FILE", help="replay a MOT det.txt instead of a detector")
    add("--engine", metavar="NAME", help=f"what moves the boxes (default {default.engine})")
    add(
        "--embedder",
        metavar="NAME",
        help="what describes how detections look: an ONNX file, a registered one, none, or "
        f"{default.embedder} (default)",
    )
    add("--weights", metavar="FILE", help="the engine's weights, if it has a network")
    add("--conf", type=float, metavar="C", help="least confidence, in the detector's own scale")
    add("--classes", metavar="A,B", help="only these classes, by name or number")
    add("--device", metavar="DEV", help="auto, cpu, cuda, cuda:1, ... (default auto)")
    add("--precision", metavar="P", help="auto, fp32, bf16 or fp16 (default auto)")
    add("--runtime", metavar="R", help="auto, onnx (CPUs only) or torch (default auto)")
    add("--threads", type=int, metavar="N", help="use no more threads (default all it may use)")
    add("--frame-rate", type=float, metavar="FPS", help="overrides the source's own")


def _add_live_options(group: Any) -> None:
    def add(*names: str, **options: Any) -> None:
        group.add_argument(*names, default=argparse.SUPPRESS, **options)

    beside = {"dest": "asynchronous", "action": "store_const"}
    add("--live", action="store_true", help="play a file as a camera would, at its own rate")
    add(
        "--async",
        const="thread",
        help="wait for no answer of the detector (default where the source is live)",
        **beside,
    )
    add("--async-process", const="process", help="the same, the detector in a process", **beside)
    add("--no-async", const="wait", help="wait for the detector, and drop frames", **beside)
    add(
        "--detector-share",
        type=float,
        metavar="S",
        help="with --detect-every auto: share of the time for the detector, 0..1",
    )
    add(
        "--budget",
        type=float,
        metavar="MS",
        help="milliseconds a frame takes in the mean, for auto and for tracking again",
    )
    add(
        "--reconnect",
        type=float,
        metavar="SEC",
        help=f"how long to try a lost stream again (default {RunConfig.reconnect:g}, 0: not)",
    )


def _parse_interval(text: str) -> int | str:
    """A number of frames, or a word."""
    return int(text) if text.lstrip("-").isdecimal() else text


def _add_output_options(group: Any) -> None:
    def add(*names: str, **options: Any) -> None:
        group.add_argument(*names, default=argparse.SUPPRESS, **options)

    add("--save-txt", metavar="FILE", help="MOTChallenge text")
    add("--save-jsonl", metavar="FILE", help="one JSON object per box and frame")
    add("--save-video", metavar="FILE", help="overlay video, .mp4 or .avi")
    add("--show", action="store_true", help="watch in a window; q ends the run")
    add("--quiet", action="store_true", help="print nothing but errors")


if __name__ == "__main__":
    sys.exit(main())

"""The options of ``mvot-run``."""

import argparse
from typing import Any

from mvot_pipelines.cli.command import Parser, format_version
from mvot_pipelines.config import RunConfig
from mvot_pipelines.pipeline_config import SOLVERS

__all__ = ["build_parser"]

_DESCRIPTION = """\
Track every object on every frame of a video, with the detector on every k-th frame only.
A motion engine moves all boxes on the frames between."""

_EXAMPLES = """\
examples:
  mvot-run --demo                                       see it work, no files needed
  mvot-run video.mp4 --detect-every 5                   detector on every 5th frame
  mvot-run video.mp4 --detector my.onnx --classes person,car --show
  mvot-run frames/ --detections det.txt --save-txt tracks.txt --save-video tracks.mp4
  mvot-run rtsp://camera/1 --detector yolo11s.pt --save-jsonl tracks.jsonl
  mvot-run video.mp4 --live --detect-every auto --detector-share 0.3 --show
  mvot-run rtsp://camera/1 --serve 8080 --count-line door=0,400,640,400
  mvot-run rtsp://camera/1 rtsp://camera/2 --save-jsonl '{name}.jsonl' --serve 8080

SOURCE is a video file, a folder of images, a MOT sequence folder (seqinfo.ini), a camera number
or a stream's URL. Several are tracked at once, with one detector and one engine. With no output
asked for, NAME-tracks.txt and NAME-tracks.mp4 are written to the current folder. Exit codes: 0
done, 1 failed or interrupted, 2 wrong usage."""


def build_parser() -> Parser:
    """The parser of the command line; options that are not given are not in its result."""
    parser = Parser(
        prog="mvot-run",
        usage="mvot-run [SOURCE ...] [option ...]",
        gathers="sources",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "sources",
        nargs="*",
        metavar="SOURCE",
        help="a video, a folder, a camera number or a URL",
    )
    _add_tracking_options(parser.add_argument_group("tracking"))
    _add_live_options(parser.add_argument_group("live sources and slow detectors"))
    _add_stream_options(parser.add_argument_group("several sources"))
    _add_output_options(parser.add_argument_group("output"))
    _add_counting_options(parser.add_argument_group("counting (extra: supervision)"))
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
        help="an ONNX file, a YOLO model, MODULE:FUNCTION or FILE.py:FUNCTION, a registered one, "
        "packaged, or auto (default)",
    )
    add("--detections", metavar="FILE", help="replay a MOT det.txt instead of a detector")
    add("--engine", metavar="NAME", help=f"what moves the boxes (default {default.engine})")
    add(
        "--embedder",
        metavar="NAME",
        help="what describes how detections look: an ONNX file, a registered one, none, or "
        f"{default.embedder} (default)",
    )
    add(
        "--solver",
        choices=SOLVERS,
        help="what merges boxes and detections: our own merging, affinity (default), or SiamMOT's "
        "online solver, which compares no appearance (pipeline.solver in a file)",
    )
    add("--per-class", action="store_true", help="never match a track with another class")
    add("--weights", metavar="FILE", help="the engine's weights, if it has a network")
    add("--conf", type=float, metavar="C", help="least confidence, in the detector's own scale")
    add("--classes", metavar="A,B", help="only these classes, by name or number")
    add("--device", metavar="DEV", help="auto, cpu, cuda, cuda:1, ... (default auto)")
    add("--precision", metavar="P", help="auto, fp32, bf16 or fp16 (default auto)")
    add("--runtime", metavar="R", help="auto, onnx (CPUs only) or torch (default auto)")
    add("--threads", type=int, metavar="N", help="use no more threads (default all it may use)")
    add("--frame-rate", type=float, metavar="FPS", help="overrides the source's own")
    add("--start", type=_parse_time, metavar="TIME", help="begin there: seconds, or 1:02:03")
    add("--frames", type=int, metavar="N", help="end after N frames")
    add("--stride", type=int, metavar="S", help="take every S-th frame only; K counts those")


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


def _add_stream_options(group: Any) -> None:
    def add(*names: str, **options: Any) -> None:
        group.add_argument(*names, default=argparse.SUPPRESS, **options)

    add(
        "--sources",
        dest="sources_file",
        metavar="FILE",
        help="a source in each line, with options of its own",
    )
    add("--name", metavar="NAME", help="what a source is called, and {name} in names of outputs")
    add(
        "--detector-batch",
        type=int,
        metavar="N",
        help="most frames that are detected in one call (default 8 on GPUs, else 1)",
    )


def _parse_time(text: str) -> float:
    """Seconds, or hours, minutes and seconds with colons between."""
    seconds = 0.0
    for part in text.split(":"):
        seconds = 60 * seconds + float(part)
    return seconds


def _parse_interval(text: str) -> int | str:
    """A number of frames, or a word."""
    return int(text) if text.lstrip("-").isdecimal() else text


_parse_interval.__name__ = "int"  # in error messages of argparse, as the others
_parse_time.__name__ = "time"


def _add_output_options(group: Any) -> None:
    def add(*names: str, **options: Any) -> None:
        group.add_argument(*names, default=argparse.SUPPRESS, **options)

    add("--save-txt", metavar="FILE", help="MOTChallenge text; - is the standard output")
    add("--save-jsonl", metavar="FILE", help="one JSON object per box and frame; - likewise")
    add("--save-video", metavar="FILE", help="overlay video, .mp4 (H.264) or .avi")
    add("--overwrite", action="store_true", help="replace files that exist")
    add(
        "--publish",
        metavar="TO",
        help="send each frame's tracks as JSON to a web address (http://...), to a message broker "
        "(mqtt://HOST/TOPIC), or to the standard output (-)",
    )
    add(
        "--serve",
        type=int,
        metavar="PORT",
        help="watch in a browser: page, /video.mjpeg, /metrics (Prometheus), /healthz",
    )
    add("--serve-host", metavar="ADDR", help="let others watch, with a token (default: only here)")
    add("--serve-token", metavar="TOKEN", help="that token (default: made, and printed)")
    add("--show", action="store_true", help="watch in a window; q ends the run")
    add("--quiet", action="store_true", help="print nothing but errors")


def _add_counting_options(group: Any) -> None:
    def add(*names: str, **options: Any) -> None:
        group.add_argument(*names, default=argparse.SUPPRESS, **options)

    add(
        "--count-line",
        action="append",
        metavar="[NAME=]X1,Y1,X2,Y2",
        help="count who crosses a line, in pixels or parts of the frame (can be repeated)",
    )
    add(
        "--zone",
        metavar="FILE",
        help="count who is in zones: NAME: [[x, y], [x, y], ...], as YAML or JSON",
    )

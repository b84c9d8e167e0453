"""The command ``mvot-bench``."""

import argparse
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mvot_benchmarks import ablation, mot, overhead, vot
from mvot_benchmarks.plots import plot_quality
from mvot_pipelines.cli import Parser, version
from mvot_plugin.engines import load_engine
from mvot_plugin.engines.base import MotionEngine
from mvot_plugin.errors import MvotError, UsageError

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    try:
        options = _parser().parse_args(arguments)
        with warnings.catch_warnings():
            warnings.showwarning = _say
            options.command(options)
    except MvotError as error:
        print(f"mvot-bench: {error}", file=sys.stderr)
        return error.exit_code
    return 0


def _say(message: Warning | str, *_where: object, **_how: object) -> None:
    print(f"mvot-bench: warning: {message}", file=sys.stderr)


def _mot(options: argparse.Namespace) -> None:
    results = []
    for result in mot.evaluate(options.sequences, _engines(options), options.detect_every):
        results.append(result)
        scores = result.scores
        print(
            f"{result.sequence} {result.engine} k={result.k}: MOTA {100 * scores.mota:.1f}, "
            f"IDF1 {100 * scores.idf1:.1f}, {scores.switches} switches, "
            f"{scores.false_positives} FP, {scores.misses} FN, {result.milliseconds:.1f} ms/frame",
            file=sys.stderr,
        )
    print(mot.table(results))
    if options.plot is not None:
        plot_quality(results, options.plot)


def _overhead(options: argparse.Namespace) -> None:
    print(
        overhead.table(
            [overhead.measure(n, k) for n in options.targets for k in options.detect_every]
        )
    )


def _vot(options: argparse.Namespace) -> None:
    engines = _engines(options)
    results = []
    for folder in options.sequences:
        for name, engine in engines.items():
            score = vot.evaluate(engine, folder)
            results.append((Path(folder).resolve().name, name, score))
            _say_score(*results[-1])
    print(vot.table(results))


def _say_score(sequence: str, name: str, score: vot.VotScore) -> None:
    print(
        f"{sequence} {name}: accuracy {score.accuracy:.3f}, robustness "
        f"{score.robustness:.3f}, {score.failures} failures, one-pass mean IoU "
        f"{score.mean_iou:.3f}, {score.milliseconds:.1f} ms/frame",
        file=sys.stderr,
    )


def _ablation(options: argparse.Namespace) -> None:
    weights = ablation.read(options.weights, options.device, options.precision)
    for sentence in ablation.left_out(weights):
        _say(sentence)
    scores: dict[str, list[vot.VotScore]] = {}
    for parts, engine in ablation.switched(weights).items():
        for folder in options.sequences:
            score = vot.evaluate(engine, folder)
            scores.setdefault(parts, []).append(score)
            _say_score(Path(folder).resolve().name, "+".join(f"B{parts}"), score)
    print(ablation.table(scores))


def _stages(options: argparse.Namespace) -> None:
    from mvot_benchmarks import stages

    sizes = [_size(text) for text in options.size]
    engine = load_engine(options.engine, options.weights, options.device, options.precision)
    print(stages.table(list(stages.measure(engine, sizes, options.targets))))


def _engines(options: argparse.Namespace) -> dict[str, MotionEngine[Any, Any]]:
    choices = options.weights, options.device, options.precision
    return {name: load_engine(name, *choices) for name in options.engine}


def _size(text: str) -> tuple[int, int]:
    """Width and height from "640x480"."""
    width, _, height = text.partition("x")
    if not (width.isdigit() and height.isdigit() and int(width) and int(height)):
        raise UsageError(f"--size {text!r}: a size is WIDTHxHEIGHT in pixels, like 1280x720")
    return int(width), int(height)


def _parser() -> Parser:
    parser = Parser(prog="mvot-bench", description="Measure quality and cost.", allow_abbrev=False)
    parser.add_argument("--version", action="version", version=version("mvot-bench"))
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    quality = commands.add_parser(
        "mot", help="MOTA and IDF1 on MOT sequence folders, from their det.txt"
    )
    quality.add_argument("sequences", nargs="+", metavar="SEQ", help="folder with seqinfo.ini")
    quality.add_argument(
        "--engine", nargs="+", default=["hold", "kalman", "lk-flow"], metavar="NAME"
    )
    quality.add_argument("--detect-every", nargs="+", type=int, default=[1, 2, 5, 10, 20])
    quality.add_argument("--plot", metavar="FILE", help="draw it too, .png or .svg")
    _add_network(quality)
    quality.set_defaults(command=_mot)
    follow = commands.add_parser(
        "vot", help="accuracy and robustness of motion alone, from the gt.txt of MOT folders"
    )
    follow.add_argument("sequences", nargs="+", metavar="SEQ", help="folder with seqinfo.ini")
    follow.add_argument("--engine", nargs="+", default=["hold", "lk-flow"], metavar="NAME")
    _add_network(follow)
    follow.set_defaults(command=_vot)
    parts = commands.add_parser(
        "ablation", help="what each part of SiamMOTION is worth, scored as by vot"
    )
    parts.add_argument("sequences", nargs="+", metavar="SEQ", help="folder with seqinfo.ini")
    parts.add_argument(
        "--weights",
        nargs="+",
        required=True,
        metavar="FILE",
        help="of the whole network, and of those trained without pyramid, rpn, attention",
    )
    _add_machine(parts)
    parts.set_defaults(command=_ablation)
    cost = commands.add_parser("overhead", help="what the pipeline itself costs a frame")
    cost.add_argument("--targets", nargs="+", type=int, default=[10, 100, 300])
    cost.add_argument("--detect-every", nargs="+", type=int, default=[1, 5])
    cost.set_defaults(command=_overhead)
    stage = commands.add_parser("stages", help="what each stage of a Siamese engine costs")
    stage.add_argument("--engine", default="siammotion", metavar="NAME")
    stage.add_argument("--size", nargs="+", default=["640x480", "1280x720"], metavar="WxH")
    stage.add_argument("--targets", nargs="+", type=int, default=[1, 10, 50, 100])
    _add_network(stage)
    stage.set_defaults(command=_stages)
    return parser


def _add_network(command: argparse.ArgumentParser) -> None:
    """The options of engines with a network."""
    command.add_argument("--weights", default="auto", metavar="FILE")
    _add_machine(command)


def _add_machine(command: argparse.ArgumentParser) -> None:
    """Where a network runs, and in which precision."""
    command.add_argument("--device", default="auto", metavar="D")
    command.add_argument("--precision", default="auto", metavar="P")


if __name__ == "__main__":
    sys.exit(main())

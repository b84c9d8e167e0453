"""The command ``mvot-train``."""

import argparse
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import cv2

from mvot_pipelines.cli import Parser, format_version, print_output, run_command
from mvot_plugin.config import format_config
from mvot_plugin.extras import require_torch

if TYPE_CHECKING:
    from mvot_training.options import Stage

__all__ = ["build_parser", "load_stages", "main"]

_DESCRIPTION = """\
Train the networks of mvot_plugin. A training that was stopped continues from its checkpoint."""

_EXAMPLES = """\
examples:
  mvot-train siammotion --smoke --output /tmp/smoke     see it work in a minute, no files needed
  mvot-train light --data DIR --hours 2
  mvot-train siamese --config siamese --data DIR
  mvot-train siammotion --config siammotion-cpu --set steps=1000 --print-config
  mvot-train siammt --data DIR --weights training/siamfc/siamfc.safetensors

DIR holds MOT sequence folders, or photos with COCO annotations (instances.json). Exit
codes: 0 done, 1 failed or interrupted, 2 wrong usage."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    cv2.setNumThreads(1)  # pairs are sampled in threads of their own
    return run_command(
        "mvot-train", lambda: _run(arguments), hint=lambda: "; run it again to continue"
    )


def _run(arguments: Sequence[str] | None) -> int:
    """Run the stage that the arguments name; returns the exit code."""
    options = build_parser(load_stages()).parse_args(arguments)
    config = options.stage.configure(options)
    if options.print_config:
        print_output(format_config(config).removesuffix("\n"))
        return 0
    print_output(f"saved {options.stage.run(config, options)}")
    return 0


def load_stages() -> "tuple[Stage[Any], ...]":
    """Import the stages, in the order of the help; raises ``UsageError`` without torch."""
    require_torch("training", "train")
    from mvot_training.backbone.entry import BACKBONE
    from mvot_training.detector.entry import DETECTOR
    from mvot_training.inertia.entry import INERTIA
    from mvot_training.light.entry import LIGHT
    from mvot_training.nanotrack.entry import NANOTRACK
    from mvot_training.siamese.entry import SIAMESE
    from mvot_training.siamfc.entry import SIAMFC, SIAMMT
    from mvot_training.siammotion.entry import SIAMMOTION

    return SIAMMOTION, LIGHT, SIAMESE, INERTIA, BACKBONE, SIAMFC, SIAMMT, DETECTOR, NANOTRACK


def build_parser(all_stages: "Sequence[Stage[Any]]") -> Parser:
    """The parser of the command, with the options of each stage."""
    parser = Parser(
        prog="mvot-train",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=format_version("mvot-train"))
    stages = parser.add_subparsers(
        required=True,
        metavar="STAGE",
        title="stages",
        description="\n".join(f"{stage.name:12}{stage.summary}" for stage in all_stages),
        help="its options: mvot-train STAGE --help",
    )
    for stage in all_stages:
        stage.add_to(stages)
    return parser


if __name__ == "__main__":
    sys.exit(main())

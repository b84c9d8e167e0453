"""The command ``mvot-train``."""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2

from mvot_pipelines.cli import Parser, version
from mvot_pipelines.config import configured
from mvot_pipelines.training.backbone.command import add_backbone
from mvot_pipelines.training.detector_cli import add_detector
from mvot_pipelines.training.inertia.command import add_inertia
from mvot_pipelines.training.settings import TrainingConfig
from mvot_pipelines.training.siamfc.command import add_siamfc, add_siammt
from mvot_pipelines.training.stages import preview, train_siammotion
from mvot_plugin.errors import MvotError, UsageError

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    cv2.setNumThreads(1)  # pairs are drawn in a thread beside torch's
    try:
        options = _parser().parse_args(arguments)
        if not options.hours > 0:
            raise UsageError("--hours must be more than 0")
        saved = options.run(options)
    except MvotError as error:
        print(f"mvot-train: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("mvot-train: interrupted; run it again to go on", file=sys.stderr)
        return 1
    print(f"saved {saved}")
    return 0


def _siammotion(options: argparse.Namespace) -> Path:
    """The stage ``siammotion``; the file that it leaves."""
    config = _config(options)
    data = [Path(folder) for folder in options.data]
    cache = None if options.cache is None else Path(options.cache)
    if options.preview is not None:
        preview(config, data, Path(options.preview), cache)
        return Path(options.preview)
    return train_siammotion(
        config,
        data,
        Path(options.output),
        device=options.device,
        hours=options.hours,
        cache=cache,
        backbone=options.backbone,
        weights=None if options.weights is None else Path(options.weights),
    )


def _config(options: argparse.Namespace) -> TrainingConfig:
    """The defaults, changed by the ``--config`` file, changed by the command line."""
    config = configured(TrainingConfig, options.config)
    if options.preset is not None:
        config = replace(config, preset=options.preset)
    if options.smoke:
        config = replace(config, steps=30, batch=8, levels=(0.5, 0.5), rise=5, streets=0)
    return config


def _parser() -> Parser:
    parser = Parser(
        prog="mvot-train",
        description="Train the networks of mvot_plugin. A run that was broken off goes on.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=version("mvot-train"))
    stages = parser.add_subparsers(required=True, metavar="STAGE", dest="stage")
    stage = stages.add_parser("siammotion", help="SiamMOTION, on pairs of images")
    add = stage.add_argument
    add("--data", nargs="+", required=True, metavar="DIR", help="sequences and photos to learn")
    add("--output", default="training", metavar="DIR", help="checkpoints, curves, weights go here")
    add("--preset", metavar="NAME", help="which network (default siammotion-n)")
    add("--config", metavar="FILE", help="settings, .yaml or .toml")
    add("--backbone", metavar="FILE", help="the backbone's first weights, or 'torchvision'")
    add("--weights", metavar="FILE", help="trained weights to start from, as far as they fit")
    add("--hours", type=float, default=1.0, metavar="H", help="stop after so long (default 1)")
    add("--device", default="auto", metavar="D", help="auto, cpu, cuda, ... (default auto)")
    add("--cache", metavar="DIR", help="keep decoded data here, for the next run")
    add("--preview", metavar="FILE", help="only draw 64 training pairs into this .png")
    add("--smoke", action="store_true", help="a few steps on small images, to see that it works")
    stage.set_defaults(run=_siammotion)
    add_backbone(stages)
    add_inertia(stages)
    add_siamfc(stages)
    add_siammt(stages)
    add_detector(stages)
    return parser


if __name__ == "__main__":
    sys.exit(main())

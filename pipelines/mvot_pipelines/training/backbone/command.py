"""The command line of ``mvot-train backbone``."""

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

from mvot_pipelines.config import configured
from mvot_pipelines.training.backbone.settings import BackboneConfig
from mvot_pipelines.training.backbone.stage import train_backbone

__all__ = ["add_backbone"]


def add_backbone(stages: Any) -> None:
    """Add the stage to the sub-commands ``stages`` of an ``argparse`` parser."""
    stage = stages.add_parser("backbone", help="a ResNet-18, taught by a trained network")
    add = stage.add_argument
    add("--data", nargs="+", required=True, metavar="DIR", help="sequences and photos to learn")
    add("--output", default="training/backbone", metavar="DIR", help="what is left goes here")
    add("--teacher", metavar="FILE", help="a tracker's weights: imitate it as a whole")
    add("--backbone", metavar="FILE", help="the ResNet-18's first weights, or 'torchvision'")
    add("--config", metavar="FILE", help="settings, .yaml or .toml")
    add("--hours", type=float, default=1.0, metavar="H", help="stop after so long (default 1)")
    add("--device", default="auto", metavar="D", help="auto, cpu, cuda, ... (default auto)")
    add("--cache", metavar="DIR", help="keep decoded data here, for the next run")
    add("--smoke", action="store_true", help="a few steps on small crops, to see that it works")
    stage.set_defaults(run=_backbone)


def _backbone(options: argparse.Namespace) -> Path:
    """Teach; the file that is left."""
    config = configured(BackboneConfig, options.config)
    if options.teacher is not None:
        config = replace(config, teacher=options.teacher)
    if options.smoke:
        config = replace(config, steps=30, batch=8, sizes=(96,), rise=5, judged=32)
    return train_backbone(
        config,
        [Path(folder) for folder in options.data],
        Path(options.output),
        device=options.device,
        hours=options.hours,
        cache=None if options.cache is None else Path(options.cache),
        backbone=options.backbone,
    )

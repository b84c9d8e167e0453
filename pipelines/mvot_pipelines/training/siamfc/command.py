"""The command lines of ``mvot-train siamfc`` and ``mvot-train siammt``."""

import argparse
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from mvot_pipelines.config import configured
from mvot_pipelines.training.siamfc.settings import SiamFCSchedule, SiamMTSchedule
from mvot_pipelines.training.siamfc.stage import train_correlation

__all__ = ["add_siamfc", "add_siammt"]


def add_siamfc(stages: Any) -> None:
    """Add the stage to the sub-commands ``stages`` of an ``argparse`` parser."""
    stage = stages.add_parser("siamfc", help="SiamFC, on pairs of crops, from random weights")
    _add_options(stage, "training/siamfc")
    stage.add_argument("--weights", metavar="FILE", help="trained weights to start from")
    stage.set_defaults(run=partial(_train, SiamFCSchedule))


def add_siammt(stages: Any) -> None:
    """Add the stage to the sub-commands ``stages`` of an ``argparse`` parser."""
    stage = stages.add_parser("siammt", help="SiamMT, fine-tuned from SiamFC's weights")
    _add_options(stage, "training/siammt")
    add = stage.add_argument
    add("--weights", metavar="FILE", required=True, help="SiamFC's trained weights, or SiamMT's")
    stage.set_defaults(run=partial(_train, SiamMTSchedule))


def _add_options(stage: argparse.ArgumentParser, output: str) -> None:
    add = stage.add_argument
    add("--data", nargs="+", required=True, metavar="DIR", help="sequences and photos to learn")
    add("--output", default=output, metavar="DIR", help="what is left goes here")
    add("--config", metavar="FILE", help="settings, .yaml or .toml")
    add("--hours", type=float, default=1.0, metavar="H", help="stop after so long (default 1)")
    add("--device", default="auto", metavar="D", help="auto, cpu, cuda, ... (default auto)")
    add("--cache", metavar="DIR", help="keep decoded data here, for the next run")
    add("--smoke", action="store_true", help="a few steps on small batches, to see that it works")


def _train(
    schedule: type[SiamFCSchedule] | type[SiamMTSchedule], options: argparse.Namespace
) -> Path:
    """Train; the file that is left."""
    config = configured(schedule, options.config)
    if options.smoke:
        config = replace(config, steps=20, batch=2, rise=5, streets=0, validation_frames=10)
    return train_correlation(
        config,
        [Path(folder) for folder in options.data],
        Path(options.output),
        device=options.device,
        hours=options.hours,
        cache=None if options.cache is None else Path(options.cache),
        weights=None if options.weights is None else Path(options.weights),
    )

"""The command line of ``mvot-train inertia``."""

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

from mvot_pipelines.config import configured
from mvot_pipelines.training.inertia.settings import InertiaConfig
from mvot_pipelines.training.inertia.stage import train_inertia

__all__ = ["add_inertia"]


def add_inertia(stages: Any) -> None:
    """Add the stage to the sub-commands ``stages`` of an ``argparse`` parser."""
    stage = stages.add_parser("inertia", help="where targets will be, from how they moved")
    add = stage.add_argument
    add("--weights", required=True, metavar="FILE", help="trained weights whose inertia to train")
    add("--data", nargs="+", required=True, metavar="DIR", help="sequences to learn from")
    add("--output", default="training/inertia", metavar="DIR", help="what is left goes here")
    add("--config", metavar="FILE", help="settings, .yaml or .toml")
    add("--hours", type=float, default=1.0, metavar="H", help="stop after so long (default 1)")
    add("--device", default="auto", metavar="D", help="for the tracker: auto, cpu, cuda, ...")
    add("--smoke", action="store_true", help="a few steps on a few frames, to see that it works")
    stage.set_defaults(run=_inertia)


def _inertia(options: argparse.Namespace) -> Path:
    """Train, and say how well; the file that is left."""
    config = configured(InertiaConfig, options.config)
    if options.smoke:
        config = replace(config, steps=30, batch=32, every=10, frames=30)
    outcome = train_inertia(
        config,
        Path(options.weights),
        [Path(folder) for folder in options.data],
        Path(options.output),
        device=options.device,
        hours=options.hours,
    )
    print(outcome.table())
    return outcome.weights

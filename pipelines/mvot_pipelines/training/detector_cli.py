"""The options of ``mvot-train detector``."""

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

from mvot_pipelines.config import configured
from mvot_pipelines.training.detector import train_detector
from mvot_pipelines.training.detector_settings import DetectorConfig

__all__ = ["add_detector"]


def add_detector(stages: Any) -> None:
    """Add the stage to the parser's subparsers."""
    stage = stages.add_parser(
        "detector", help="a small YOLO, on ground truth and what other detectors agree on"
    )
    add = stage.add_argument
    add("--data", nargs="+", required=True, metavar="DIR", help="sequences and photos to learn")
    add("--labelers", nargs="+", default=[], metavar="FILE", help="detectors that make labels")
    add("--output", default="detector", metavar="DIR", help="data set, checkpoints, weights")
    add("--config", metavar="FILE", help="settings, .yaml or .toml")
    add("--hours", type=float, default=1.0, metavar="H", help="stop after so long (default 1)")
    add("--device", default="auto", metavar="D", help="auto, cpu, cuda, ... (default auto)")
    add("--smoke", action="store_true", help="a few small pictures, to see that it works")
    stage.set_defaults(run=_detector)


def _detector(options: argparse.Namespace) -> Path:
    """Run the stage as the options say; returns the weights' path."""
    return train_detector(
        _config(options),
        [Path(folder) for folder in options.data],
        [Path(file) for file in options.labelers],
        Path(options.output),
        device=options.device,
        hours=options.hours,
    )


def _config(options: argparse.Namespace) -> DetectorConfig:
    config = configured(DetectorConfig, options.config)
    if options.smoke:
        labels = replace(config.labels, every=50, every_known=50, every_photo=40)
        config = replace(config, epochs=2, batch=4, image_size=64, labels=labels)
    return config

"""``mvot-train siamfc`` and ``siammt``: build data and trainer, train, and write the weights."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from mvot_plugin.engines import load_engine
from mvot_plugin.engines.correlation import SiamFCEngine, SiamMTEngine
from mvot_plugin.models.siamfc.config import PRESETS
from mvot_plugin.models.siamfc.network import SiamFCNet
from mvot_plugin.runtimes.devices import choose_device
from mvot_plugin.weights import (
    load_parameters,
    read_weights,
    replace_weights,
    shipped_weights,
)
from mvot_training.calibration import measure_calibration
from mvot_training.data.training_data import TrainingData
from mvot_training.options import Stage
from mvot_training.siamfc.config import SiamFCTrainingConfig, SiamMTTrainingConfig
from mvot_training.siamfc.trainer import SiamFCTrainer
from mvot_training.trainer import CHECKPOINT
from mvot_training.validation import Validation

__all__ = ["SIAMFC", "SIAMMT", "train_siamfc"]


def train_siamfc(
    config: SiamFCTrainingConfig | SiamMTTrainingConfig,
    data: Sequence[Path],
    output: Path,
    *,
    device: str = "auto",
    hours: float = 1.0,
    cache: Path | None = None,
    weights: Path | None = None,
) -> Path:
    """Train SiamFC, or SiamMT by its config, from the checkpoint in ``output`` if there is one.

    Writes into ``output`` what ``Trainer.run`` does; returns the path of the weights file.
    ``weights``, to start from, are SiamFC's, or for SiamMT also its own.
    """
    validation = Validation.open(
        data,
        config.held_out,
        frames=config.validation_frames,
        synthetic_scenes=min(config.synthetic_scenes, 1),
    )
    trainer = _create_trainer(config, data, validation, output / CHECKPOINT, device, weights)
    output.mkdir(parents=True, exist_ok=True)
    pairs = TrainingData.read(
        data, held_out=config.held_out, cache=cache, synthetic_scenes=config.synthetic_scenes
    )
    path = trainer.run(pairs, output, seconds=3600 * hours)
    if validation.sequences:
        calibrations = _calibrate_engines(trainer.name, path, validation, device)
        replace_weights(path, path, {}, {}, calibrations)
    return path


def _create_trainer(
    config: SiamFCTrainingConfig | SiamMTTrainingConfig,
    data: Sequence[Path],
    validation: Validation,
    checkpoint: Path,
    device: str,
    weights: Path | None,
) -> SiamFCTrainer:
    """A trainer at its checkpoint if there is one, or else at its start."""
    name = "siammt" if isinstance(config, SiamMTTrainingConfig) else "siamfc"
    torch.manual_seed(config.seed)
    network = SiamFCNet(replace(PRESETS[name], channels=tuple(config.channels)))
    if weights is not None and not checkpoint.exists():
        others = ("siamfc",) if name == "siammt" else ()
        load_parameters(network, read_weights(weights, name, *others)[1], weights)
    command = f"mvot-train {name} --data {' '.join(root.resolve().name for root in data)}"
    trainer = SiamFCTrainer(
        network, config, choose_device(device), validation=validation, command=command
    )
    if checkpoint.exists():
        trainer.resume(checkpoint)
    return trainer


def _calibrate_engines(
    name: str, path: Path, validation: Validation, device: str
) -> dict[str, tuple[float, float]]:
    """Calibrate the engines that take a weights file; returns its settings for them, by name."""
    engines = {"calibration": name}
    if name == "siamfc":
        engines["frame_calibration"] = "siammt-w"
    calibrations = {}
    for setting, engine_name in engines.items():
        engine = load_engine(engine_name, weights=str(path), device=device)
        assert isinstance(engine, SiamFCEngine | SiamMTEngine)
        calibrations[setting] = measure_calibration(engine, validation.read())
    return calibrations


SMOKE = {
    "steps": 20,
    "batch": 2,
    "warmup_steps": 5,
    "synthetic_scenes": 0,
    "validation_frames": 10,
}


def _add_siamfc_options(group: Any) -> None:
    group.add_argument("--weights", type=Path, metavar="FILE", help="SiamFC's, to start from")


def _add_siammt_options(group: Any) -> None:
    help_text = "SiamFC's or SiamMT's, to start from (required)"
    group.add_argument("--weights", type=Path, metavar="FILE", help=help_text)


SIAMFC = Stage(
    name="siamfc",
    summary="the network of SiamFC, on pairs of crops, from random weights",
    config=SiamFCTrainingConfig,
    output="training/siamfc",
    smoke=SMOKE,
    train=train_siamfc,
    add_options=_add_siamfc_options,
    train_options=("weights",),
)
SIAMMT = Stage(
    name="siammt",
    summary="the network of SiamMT, fine-tuned from SiamFC's weights",
    config=SiamMTTrainingConfig,
    output="training/siammt",
    smoke=SMOKE,
    train=train_siamfc,
    add_options=_add_siammt_options,
    train_options=("weights",),
    requires_weights=True,
    smoke_weights=lambda config: shipped_weights("siamfc"),
)

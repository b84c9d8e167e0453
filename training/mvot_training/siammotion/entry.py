"""``mvot-train siammotion``: build the data and the trainer, train, and write the weights."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mvot_plugin.models.siammotion import SiamMotionNet
from mvot_plugin.models.siammotion_config import PRESETS
from mvot_plugin.runtimes.devices import choose_device
from mvot_plugin.weights import shipped_weights
from mvot_training.calibration import calibrate_weights
from mvot_training.data.training_data import TrainingData
from mvot_training.options import Stage
from mvot_training.pairs.preview import draw_pairs
from mvot_training.pretrained import initialise_backbone
from mvot_training.siammotion.config import SiamMotionTrainingConfig
from mvot_training.siammotion.initial_weights import load_fitting_weights
from mvot_training.siammotion.trainer import SiamMotionTrainer
from mvot_training.trainer import CHECKPOINT
from mvot_training.validation import Validation

__all__ = ["SIAMMOTION", "train_siammotion", "write_preview"]


def train_siammotion(
    config: SiamMotionTrainingConfig,
    data: Sequence[Path],
    output: Path,
    *,
    device: str = "auto",
    hours: float = 1.0,
    cache: Path | None = None,
    backbone: Path | str | None = None,
    weights: Path | None = None,
) -> Path:
    """Train a network, from the checkpoint in ``output`` if there is one.

    Writes into ``output`` what ``Trainer.run`` does; returns the path of the weights file. The
    initial weights are those of the file ``weights`` that fit, or else the backbone's are those of
    ``backbone``, see ``initialise_backbone``.
    """
    validation = Validation.open(
        data,
        config.held_out,
        frames=config.validation_frames,
        synthetic_scenes=min(config.synthetic_scenes, 1),
    )
    trainer = _create_trainer(config, validation, output / CHECKPOINT, device, backbone, weights)
    output.mkdir(parents=True, exist_ok=True)
    pairs = _open_data(config, data, cache)
    path = trainer.run(pairs, output, seconds=3600 * hours)
    if validation.sequences:
        calibrate_weights("siammotion", path, validation)
    return path


def write_preview(
    config: SiamMotionTrainingConfig, data: Sequence[Path], path: Path, cache: Path | None
) -> None:
    """Write a contact sheet of 64 training pairs with their boxes."""
    pairs = _open_data(config, data, cache)
    draw_pairs(path, pairs, np.random.default_rng(config.seed), count=64)


def _create_trainer(
    config: SiamMotionTrainingConfig,
    validation: Validation,
    checkpoint: Path,
    device: str,
    backbone: Path | str | None,
    weights: Path | None,
) -> SiamMotionTrainer:
    """A trainer at its checkpoint if there is one, or else at its start."""
    torch.manual_seed(config.seed)
    network = SiamMotionNet(config.architecture())
    if not checkpoint.exists():
        if weights is not None:
            load_fitting_weights(network, weights)
        else:
            initialise_backbone(network, backbone)
    trainer = SiamMotionTrainer(network, config, choose_device(device), validation=validation)
    if checkpoint.exists():
        trainer.resume(checkpoint)
    return trainer


def _open_data(
    config: SiamMotionTrainingConfig, data: Sequence[Path], cache: Path | None
) -> TrainingData:
    """All data but what is held out, and the synthetic scenes."""
    return TrainingData.read(
        data, held_out=config.held_out, cache=cache, synthetic_scenes=config.synthetic_scenes
    )


def _add_options(group: Any) -> None:
    add = group.add_argument
    add("--backbone", metavar="FILE", help="the backbone's initial weights, or 'torchvision'")
    add("--weights", type=Path, metavar="FILE", help="weights to start from, as far as they fit")
    add("--preview", type=Path, metavar="FILE", help="only draw 64 training pairs into this .png")


def _train_or_preview(
    config: SiamMotionTrainingConfig,
    data: Sequence[Path],
    output: Path,
    *,
    preview: Path | None,
    cache: Path | None,
    **options: Any,
) -> Path:
    if preview is None:
        return train_siammotion(config, data, output, cache=cache, **options)
    write_preview(config, data, preview, cache)
    return preview


def _find_smoke_weights(config: SiamMotionTrainingConfig) -> Path | None:
    """The packaged weights, if the network has their backbone."""
    networks = config.architecture(), PRESETS["siammotion"]
    own, packaged = ((network.backbone, network.backbone_width) for network in networks)
    return shipped_weights("siammotion") if own == packaged else None


SIAMMOTION = Stage(
    name="siammotion",
    summary="the network of SiamMOTION, on pairs of images",
    config=SiamMotionTrainingConfig,
    output="training",
    smoke={
        "steps": 30,
        "batch": 8,
        "level_shares": [0.5, 0.5],
        "warmup_steps": 5,
        "synthetic_scenes": 0,
        "validation_frames": 10,
    },
    train=_train_or_preview,
    add_options=_add_options,
    train_options=("backbone", "weights", "preview"),
    smoke_weights=_find_smoke_weights,
)

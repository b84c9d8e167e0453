"""``mvot-train siamese``: build the data and the networks, train, write the weights."""

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import torch

from mvot_plugin.engines.table import ENGINES
from mvot_plugin.errors import InputError, UsageError
from mvot_plugin.models.siamese.network import SiameseNet
from mvot_plugin.runtimes.devices import choose_device
from mvot_plugin.weights import load_parameters, read_weights, shipped_weights
from mvot_training.calibration import calibrate_weights
from mvot_training.data.training_data import TrainingData
from mvot_training.options import Stage
from mvot_training.pairs.config import require_labels
from mvot_training.siamese.config import SiameseTrainingConfig
from mvot_training.siamese.trainer import SiameseTrainer, Systems
from mvot_training.trainer import CHECKPOINT
from mvot_training.validation import Validation

__all__ = ["SIAMESE", "build_systems", "train_siamese"]

LIGHT = "siammotion-n"
"""The engine whose backbone the networks have that are trained here."""


def train_siamese(
    config: SiameseTrainingConfig,
    data: Sequence[Path],
    output: Path,
    *,
    device: str = "auto",
    hours: float = 1.0,
    cache: Path | None = None,
    backbone: Path | None = None,
) -> Path:
    """Train the networks of SiamMOT, IMSiam and SiamAttn, from a checkpoint if there is one.

    Args:
        config: The settings.
        data: Folders of sequences and photos.
        output: The folder for what ``Trainer.run`` writes; each engine has a weights file.
        device: The device to train on.
        hours: When to stop.
        cache: A folder for the prepared data.
        backbone: A weights file of siammotion-n, whose backbone the networks take; None is the
            packaged one.

    Returns:
        The path of the first engine's weights file.

    Raises:
        UsageError: Pairs without labels are asked for, or ``backbone`` is given to networks that
            have another one.
        InputError: Data, or weights, cannot be read.
    """
    require_labels(config.sampling)
    scenes = config.synthetic_scenes
    validation = Validation.open(
        data, config.held_out, frames=config.validation_frames, synthetic_scenes=min(scenes, 1)
    )
    trainer = _create_trainer(config, validation, data, output, device, backbone)
    output.mkdir(parents=True, exist_ok=True)
    pairs = TrainingData.read(data, held_out=config.held_out, cache=cache, synthetic_scenes=scenes)
    path = trainer.run(pairs, output, seconds=3600 * hours)
    if validation.sequences:
        for name in config.engines:
            calibrate_weights(name, path.with_name(f"{name}.safetensors"), validation)
    return path


def _create_trainer(
    config: SiameseTrainingConfig,
    validation: Validation,
    data: Sequence[Path],
    output: Path,
    device: str,
    backbone: Path | None,
) -> SiameseTrainer:
    """A trainer at its checkpoint if there is one, or else at its start."""
    record = {
        "backbone": LIGHT if _has_light_backbone(config) else "random",
        "data": sorted(root.resolve().name for root in data),
    }
    systems = build_systems(config, backbone)
    trainer = SiameseTrainer(
        systems, config, choose_device(device), validation=validation, record=record
    )
    if (output / CHECKPOINT).exists():
        trainer.resume(output / CHECKPOINT)
    return trainer


def build_systems(config: SiameseTrainingConfig, backbone: Path | None) -> Systems:
    """The networks with random weights, on the backbone of siammotion-n where they have its shape.

    Args:
        config: The settings.
        backbone: A weights file of siammotion-n; None is the packaged one.

    Returns:
        The networks of the engines of ``config``.

    Raises:
        UsageError: A file is given, but the networks have another backbone.
        InputError: The file cannot be read, or does not fit.
    """
    torch.manual_seed(config.seed)
    networks: dict[str, SiameseNet] = {}
    for name in config.engines:
        entry = ENGINES[name].network
        assert entry is not None
        build = getattr(import_module(entry.module), entry.name)
        networks[name] = build(config.architecture(name))
    systems = Systems(networks)
    if _has_light_backbone(config):
        _load_backbone(systems, backbone)
    elif backbone is not None:
        raise UsageError(
            f"--backbone: is of {LIGHT}, and setting 'networks' has another backbone: leave one out"
        )
    return systems


def _has_light_backbone(config: SiameseTrainingConfig) -> bool:
    return config.architecture(config.engines[0]).backbone == "light"


def _load_backbone(systems: Systems, path: Path | None) -> None:
    """Load siammotion-n's backbone; raises ``InputError`` for a file that does not fit."""
    source = shipped_weights(LIGHT) if path is None else path
    if source is None:
        raise InputError(f"this copy of the package lacks the weights of {LIGHT}: give --backbone")
    tensors = read_weights(source, LIGHT)[1]
    prefix = "backbone."
    own = {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
    load_parameters(systems.backbone, own, source)


def _add_options(group: Any) -> None:
    help_text = "weights of siammotion-n, whose backbone is taken; the packaged ones by default"
    group.add_argument("--backbone", type=Path, metavar="FILE", help=help_text)


SIAMESE = Stage(
    name="siamese",
    summary="the networks of SiamMOT, IMSiam and SiamAttn, together, on siammotion-n's backbone",
    config=SiameseTrainingConfig,
    output="training/siamese",
    smoke={
        "steps": 10,
        "batch": 4,
        "warmup_steps": 5,
        "synthetic_scenes": 0,
        "validation_frames": 10,
    },
    train=train_siamese,
    add_options=_add_options,
    train_options=("backbone",),
)

"""``mvot-train backbone``: build the images and the trainer, train, and write the weights."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mvot_plugin.runtimes.devices import choose_device
from mvot_training.backbone.config import BackboneTrainingConfig
from mvot_training.backbone.images import read_distillation_images
from mvot_training.backbone.trainer import BackboneTrainer
from mvot_training.options import Stage
from mvot_training.trainer import CHECKPOINT

__all__ = ["BACKBONE", "train_backbone"]


def train_backbone(
    config: BackboneTrainingConfig,
    data: Sequence[Path],
    output: Path,
    *,
    device: str = "auto",
    hours: float = 1.0,
    cache: Path | None = None,
    backbone: Path | str | None = None,
) -> Path:
    """Distil a teacher into a ResNet-18, from the checkpoint in ``output`` if there is one.

    Writes into ``output`` what ``Trainer.run`` does; returns the path of the weights file: a
    backbone's, for ``mvot-train siammotion --backbone``, or, where the teacher is a tracker, a
    tracker's, for ``--weights``. ``backbone`` is the source of the initial weights, see
    ``load_backbone``.

    Raises ``InputError`` for data that cannot be used, and ``UsageError`` without the teacher's
    package.
    """
    images, held_out = read_distillation_images(
        data, held_out=config.held_out, hold_out_every=config.hold_out_every, cache=cache
    )
    checkpoint = output / CHECKPOINT
    trainer = BackboneTrainer(
        config,
        sorted(set(images.tiles.class_names)) if config.tile_share else [],
        choose_device(device),
        backbone=None if checkpoint.exists() else backbone,
        held_out=held_out,
        provenance={
            "command": f"mvot-train backbone --data {' '.join(p.resolve().name for p in data)}",
            "data": {"learnt": images.counts, "held_out": held_out.counts},
        },
    )
    output.mkdir(parents=True, exist_ok=True)
    if checkpoint.exists():
        trainer.resume(checkpoint)
    return trainer.run(images, output, seconds=3600 * hours)


def _add_options(group: Any) -> None:
    add = group.add_argument
    add("--teacher", metavar="FILE", help="a tracker's weights: distil its whole feature pyramid")
    add("--backbone", metavar="FILE", help="the ResNet-18's initial weights, or 'torchvision'")


BACKBONE = Stage(
    name="backbone",
    summary="a ResNet-18, by feature distillation from a trained network",
    config=BackboneTrainingConfig,
    output="training/backbone",
    smoke={
        "steps": 30,
        "batch": 8,
        "crop_sizes": [96],
        "warmup_steps": 5,
        "validation_crops": 32,
    },
    train=train_backbone,
    add_options=_add_options,
    train_options=("backbone",),
    setting_options=("teacher",),
)

"""``mvot-train light``: build the data, the teacher and the student, train, write the weights."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from mvot_plugin.models.light.network import LightNet
from mvot_plugin.runtimes.devices import choose_device
from mvot_plugin.weights import load_parameters, read_weights
from mvot_training.calibration import calibrate_weights
from mvot_training.data.training_data import TrainingData
from mvot_training.light.config import LightTrainingConfig
from mvot_training.light.teacher import NanoTrackTeacher
from mvot_training.light.trainer import LightTrainer, Student
from mvot_training.options import Stage
from mvot_training.trainer import CHECKPOINT
from mvot_training.validation import Validation

__all__ = ["LIGHT", "train_light"]


def train_light(
    config: LightTrainingConfig,
    data: Sequence[Path],
    output: Path,
    *,
    device: str = "auto",
    hours: float = 1.0,
    cache: Path | None = None,
    teacher: Path | None = None,
    weights: Path | None = None,
) -> Path:
    """Train the light network, from the checkpoint in ``output`` if there is one.

    Args:
        config: The settings.
        data: Folders of sequences, photos and clips.
        output: The folder for what ``Trainer.run`` writes.
        device: The device to train on.
        hours: When to stop.
        cache: A folder for the prepared data.
        teacher: The folder of NanoTrack's published files; for None they are fetched once.
        weights: A weights file of the same network to start from; None begins with random weights.

    Returns:
        The path of the weights file.

    Raises:
        InputError: Data, or weights, cannot be read.
    """
    validation = Validation.open(
        data,
        config.held_out,
        frames=config.validation_frames,
        synthetic_scenes=min(config.synthetic_scenes, 1),
    )
    teacher_network = NanoTrackTeacher(teacher, choose_device(device))
    trainer = _create_trainer(config, teacher_network, validation, data, weights, output)
    output.mkdir(parents=True, exist_ok=True)
    pairs = TrainingData.read(
        data, held_out=config.held_out, cache=cache, synthetic_scenes=config.synthetic_scenes
    )
    path = trainer.run(pairs, output, seconds=3600 * hours)
    if validation.sequences:
        calibrate_weights("siammotion-n", path, validation)
    return path


def _create_trainer(
    config: LightTrainingConfig,
    teacher: NanoTrackTeacher,
    validation: Validation,
    data: Sequence[Path],
    weights: Path | None,
    output: Path,
) -> LightTrainer:
    """A trainer at its checkpoint if there is one, or else at its start."""
    torch.manual_seed(config.seed)
    network, checkpoint = LightNet(config.architecture()), output / CHECKPOINT
    if weights is not None and not checkpoint.exists():
        load_parameters(network, read_weights(weights, "siammotion-n")[1], weights)
    record = {
        "teacher": "NanoTrack v2 (Apache-2.0)",
        "data": sorted(root.resolve().name for root in data),
    }
    student = Student(network, teacher.channels)
    trainer = LightTrainer(student, config, teacher, validation=validation, record=record)
    if checkpoint.exists():
        trainer.resume(checkpoint)
    return trainer


def _add_options(group: Any) -> None:
    add = group.add_argument
    help_text = "the folder of NanoTrack's published files, fetched where it is not given"
    add("--teacher", type=Path, metavar="FOLDER", help=help_text)
    add("--weights", type=Path, metavar="FILE", help="weights of siammotion-n to start from")


LIGHT = Stage(
    name="light",
    summary="the light network of siammotion-n, taught by NanoTrack and by ground truth",
    config=LightTrainingConfig,
    output="training/light",
    smoke={
        "steps": 20,
        "batch": 4,
        "warmup_steps": 5,
        "synthetic_scenes": 0,
        "validation_frames": 10,
    },
    train=train_light,
    add_options=_add_options,
    train_options=("teacher", "weights"),
)

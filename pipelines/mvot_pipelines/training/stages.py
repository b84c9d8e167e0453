"""The stages of ``mvot-train``: what is built, learnt, and left behind."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch

from mvot_pipelines.training.certainty import certainty
from mvot_pipelines.training.curves import append_row, draw_curves
from mvot_pipelines.training.imagenet import initialise_backbone
from mvot_pipelines.training.library import Library
from mvot_pipelines.training.loop import Training
from mvot_pipelines.training.preview import write_sheet
from mvot_pipelines.training.settings import TrainingConfig
from mvot_pipelines.training.validation import Validation, ready
from mvot_pipelines.training.widening import widened
from mvot_plugin.devices import choose_device
from mvot_plugin.engines import load_engine
from mvot_plugin.engines.siammotion import SiamMotionEngine
from mvot_plugin.errors import InputError
from mvot_plugin.models.siammotion import SiamMotionNet
from mvot_plugin.weights import graft_weights, read_weights, save_weights

__all__ = ["preview", "start_from", "train_siammotion"]


def train_siammotion(
    config: TrainingConfig,
    data: Sequence[Path],
    folder: Path,
    *,
    device: str = "auto",
    hours: float = 1.0,
    cache: Path | None = None,
    backbone: Path | str | None = None,
    weights: Path | None = None,
) -> Path:
    """Train a preset's network, from ``folder``'s last checkpoint if there is one.

    Leaves ``last.pt`` to go on from, tables and a picture of losses and validations, and the best
    moving average so far as a weights file, whose path is returned. ``backbone`` is where the
    backbone's first weights come from, see ``initialise_backbone``. ``weights`` is a file of
    trained weights to start from instead, as far as they fit.
    """
    training = _begun(config, folder / "last.pt", device, backbone, weights)
    folder.mkdir(parents=True, exist_ok=True)
    library = Library.open(data, held_out=config.held_out, cache=cache, streets=config.streets)
    validation = Validation.of(
        data, config.held_out, frames=config.validation_frames, streets=min(config.streets, 1)
    )
    path = folder / f"{config.preset}.safetensors"
    judge = _judge(training, validation, folder, path)
    training.run(library, folder, seconds=3600 * hours, judge=judge)
    if not path.exists():
        export(training, path)
    if validation.clips:
        _measure_certainty(path, validation)
    draw_curves(folder)
    return path


def _begun(
    config: TrainingConfig,
    checkpoint: Path,
    device: str,
    backbone: Path | str | None,
    weights: Path | None,
) -> Training:
    """A training at its checkpoint, if there is one, or at its start."""
    torch.manual_seed(config.seed)
    network = SiamMotionNet(config.architecture())
    if not checkpoint.exists():
        if weights is not None:
            start_from(network, weights)
        else:
            initialise_backbone(network, backbone)
    training = Training(network, config, choose_device(device))
    if checkpoint.exists():
        training.resume(checkpoint)
    return training


def _measure_certainty(path: Path, validation: Validation) -> None:
    """Put into a weights file what its scores are worth on the clips of a validation."""
    engine = load_engine("siammotion", weights=str(path))
    assert isinstance(engine, SiamMotionEngine)
    measured = certainty(engine, (clip() for clip in validation.clips.values()))
    graft_weights(path, path, {}, {}, {"certainty": measured})


def _judge(
    training: Training, validation: Validation, folder: Path, path: Path
) -> Callable[[], None]:
    """What notes a training's figures, and keeps the best weights at ``path``."""

    def judge() -> None:
        if validation.clips:
            engine = SiamMotionEngine(network=ready(training.average), trained=True)
            figures = validation(engine)
            append_row(folder / "validation.csv", training.step, figures)
            if not figures["mean"] > training.best:
                return
            training.best = figures["mean"]
        export(training, path)

    return judge


def export(training: Training, path: Path) -> Path:
    """Write the moving average of a training as a weights file."""
    network, config = training.average, training.config
    record = {
        "licence": "Apache-2.0",
        "steps": training.step,
        "validation": training.best if training.best >= 0 else None,
        "training": asdict(config),
    }
    save_weights(path, network, "siammotion", network.config, record)
    return path


def preview(config: TrainingConfig, data: Sequence[Path], path: Path, cache: Path | None) -> None:
    """Write a sheet of 64 training pairs with their boxes, to look at."""
    library = Library.open(data, held_out=config.held_out, cache=cache, streets=config.streets)
    write_sheet(path, library, np.random.default_rng(config.seed), count=64)


def start_from(network: SiamMotionNet, path: Path) -> None:
    """Give a new network the tensors of a weights file that have its names and shapes.

    Those of a network that is several times narrower are widened; both do the same then. Raises
    ``InputError`` if the backbone is not among them.
    """
    config, tensors = read_weights(path, "siammotion")
    own = network.state_dict()
    times = network.config.width // int(config.get("width", network.config.width)) or 1
    fitting = widened(tensors, {k: v.shape for k, v in own.items()}, times)
    lacking = [name for name in own if name.startswith("backbone.") and name not in fitting]
    if lacking:
        raise InputError(f"{path}: has no {lacking[0]} for this network; start from its own kind")
    network.load_state_dict({**own, **fitting})

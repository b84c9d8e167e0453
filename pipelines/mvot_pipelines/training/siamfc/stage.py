"""``mvot-train siamfc`` and ``mvot-train siammt``: what is built, learnt, and left behind."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch

from mvot_pipelines.training.certainty import certainty
from mvot_pipelines.training.curves import append_row, draw_curves
from mvot_pipelines.training.library import Library
from mvot_pipelines.training.siamfc.learning import Correlating
from mvot_pipelines.training.siamfc.settings import SiamFCSchedule, SiamMTSchedule
from mvot_pipelines.training.validation import Validation, ready
from mvot_plugin.devices import choose_device
from mvot_plugin.engines import MotionEngine, load_engine
from mvot_plugin.engines.siamfc import SiamFCEngine
from mvot_plugin.engines.siammt import SiamMTEngine
from mvot_plugin.models.siamfc import PRESETS, CorrelationNet, SiamFCNet, SiamMTNet
from mvot_plugin.weights import graft_weights, load_into, read_weights, save_weights

__all__ = ["train_correlation"]


def train_correlation(
    config: SiamFCSchedule | SiamMTSchedule,
    data: Sequence[Path],
    folder: Path,
    *,
    device: str = "auto",
    hours: float = 1.0,
    cache: Path | None = None,
    weights: Path | None = None,
) -> Path:
    """Train SiamFC, or SiamMT by its schedule, from ``folder``'s checkpoint if there is one.

    Leaves ``last.pt`` to go on from, tables and a picture of losses and validations, and the best
    moving average so far as a weights file, whose path is returned. ``weights`` are SiamFC's, or
    SiamMT's for SiamMT, to start from.
    """
    name = "siammt" if isinstance(config, SiamMTSchedule) else "siamfc"
    training = _begun(config, name, folder / "last.pt", device, weights)
    folder.mkdir(parents=True, exist_ok=True)
    library = Library.open(data, held_out=config.held_out, cache=cache, streets=config.streets)
    validation = Validation.of(
        data, config.held_out, frames=config.validation_frames, streets=min(config.streets, 1)
    )
    path = folder / f"{name}.safetensors"
    said = {
        "licence": "Apache-2.0",
        "command": f"mvot-train {name} --data {' '.join(root.resolve().name for root in data)}",
    }
    judge = _judge(training, validation, folder, path, name, said)
    training.run(library, folder, seconds=3600 * hours, judge=judge)
    if not path.exists():
        _export(training, path, name, said)
    if validation.clips:
        graft_weights(path, path, {}, {}, _certainties(name, path, validation, device))
    draw_curves(folder)
    return path


def _begun(
    config: SiamFCSchedule | SiamMTSchedule,
    name: str,
    checkpoint: Path,
    device: str,
    weights: Path | None,
) -> Correlating:
    """A training at its checkpoint, if there is one, or at its start."""
    torch.manual_seed(config.seed)
    shape = replace(PRESETS[name], channels=tuple(config.channels))
    network = (SiamMTNet if name == "siammt" else SiamFCNet)(shape)
    if weights is not None and not checkpoint.exists():
        others = ("siamfc",) if name == "siammt" else ()
        load_into(network, read_weights(weights, name, *others)[1], weights)
    training = Correlating(network, config, choose_device(device))
    if checkpoint.exists():
        training.resume(checkpoint)
    return training


def _certainties(
    name: str, path: Path, validation: Validation, device: str
) -> dict[str, tuple[float, float]]:
    """What the scores of the engines that take these weights are worth, as their config says it."""
    served = {"certainty": name}
    if name == "siamfc":
        served["frame_certainty"] = "siammt-w"
    measured = {}
    for setting, engine_name in served.items():
        engine = load_engine(engine_name, weights=str(path), device=device)
        assert isinstance(engine, SiamFCEngine | SiamMTEngine)
        measured[setting] = certainty(engine, (clip() for clip in validation.clips.values()))
    return measured


def _judge(
    training: Correlating,
    validation: Validation,
    folder: Path,
    path: Path,
    name: str,
    said: dict[str, Any],
) -> Callable[[], None]:
    """What notes a training's figures, and keeps the best weights at ``path``."""

    def judge() -> None:
        if validation.clips:
            figures = validation(_engine(training.average))
            append_row(folder / "validation.csv", training.step, figures)
            if not figures["mean"] > training.best:
                return
            training.best = figures["mean"]
        _export(training, path, name, said)

    return judge


def _engine(network: CorrelationNet) -> MotionEngine[Any, Any]:
    """An engine with a network in training, as it is now."""
    if isinstance(network, SiamMTNet):
        return SiamMTEngine(network=ready(network), trained=True)
    assert isinstance(network, SiamFCNet)
    return SiamFCEngine(network=ready(network), batch=16, trained=True)


def _export(training: Correlating, path: Path, name: str, said: dict[str, Any]) -> None:
    """Write the moving average of a training as a weights file."""
    record = {
        **said,
        "steps": training.step,
        "validation": training.best if training.best >= 0 else None,
        "training": asdict(training.config),
    }
    save_weights(path, training.average, name, training.average.config, record)

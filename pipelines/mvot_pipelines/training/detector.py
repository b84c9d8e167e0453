"""The stage ``detector`` of ``mvot-train``: a nano YOLO for when no other detector can be had."""

import hashlib
import json
import subprocess
import time
from collections.abc import Sequence
from dataclasses import asdict
from importlib import import_module, metadata
from pathlib import Path
from typing import Any

import torch

from mvot_pipelines.training.detector_data import prepare
from mvot_pipelines.training.detector_settings import DetectorConfig
from mvot_pipelines.training.labelling import CLASSES
from mvot_plugin.detectors.ultralytics import contained, import_ultralytics
from mvot_plugin.devices import choose_device
from mvot_plugin.errors import InputError, UsageError

__all__ = ["train_detector"]

LICENCE = "AGPL-3.0"
"""What ultralytics asks of models that were trained with its code."""


def train_detector(
    config: DetectorConfig,
    data: Sequence[Path],
    labelers: Sequence[Path],
    folder: Path,
    *,
    device: str = "auto",
    hours: float = 1.0,
) -> Path:
    """Label the data, train the detector in ``folder``, go on from its last checkpoint if any.

    Leaves ``dataset/`` (see ``prepare``), ``weights/last.pt`` to go on from, ``results.csv``, and
    ``detector-n.pt``, the moving average at the best epoch in half precision, with its record
    ``detector-n.json``; returns the path of the former. ``hours`` hold for all of it, but at least
    one batch is learnt from.

    Raises ``UsageError`` without ultralytics, for a model that it does not have or a device that
    is not there, and what ``prepare`` raises.
    """
    deadline = time.monotonic() + 3600 * hours
    chosen = choose_device(device)
    folder.mkdir(parents=True, exist_ok=True)
    with contained():
        import_ultralytics()
        _check_model(config.model)
    made = prepare(config, data, labelers, folder / "dataset")
    splits = {name.split()[0] for name in made["images"]}
    if splits != {"train", "val"}:
        raise InputError(
            f"{folder / 'dataset'} has pictures for {' and '.join(splits)} only; give more data, "
            "or name a sequence in labels.held_out of the settings"
        )
    with contained():
        if not _finished(folder / "weights" / "last.pt", config.epochs):
            _learn(config, folder, str(chosen), deadline)
        return _export(config, folder, made)


def _check_model(name: str) -> None:
    try:
        if not name.endswith((".yaml", ".yml")):
            raise FileNotFoundError(name)
        import_module("ultralytics.nn.tasks").yaml_model_load(name)
    except FileNotFoundError:
        raise UsageError(
            f"model {name!r} is no YAML of the installed ultralytics, such as yolo11n.yaml"
        ) from None


def _learn(config: DetectorConfig, folder: Path, device: str, deadline: float) -> None:
    from mvot_pipelines.training.detector_trainer import Learning

    last = folder / "weights" / "last.pt"
    overrides: dict[str, Any] = {
        "model": config.model,
        "epochs": config.epochs,
        "batch": config.batch,
        "nbs": config.batch,
        "imgsz": config.image_size,
        "optimizer": "AdamW",
        "lr0": config.rate,
        "cos_lr": True,
        "warmup_epochs": config.warmup,
        "warmup_bias_lr": 0.0,
        "weight_decay": config.weight_decay,
        "scale": config.scale,
        "close_mosaic": config.plain,
        "seed": config.seed,
        "device": device,
        "amp": "bf16" if device != "cpu" else False,
        "cache": "ram",
        "deterministic": False,
        "patience": 0,
        "plots": False,
        "pretrained": False,
        "save_dir": str(folder),
    }
    if last.is_file():
        overrides["resume"] = str(last)
    Learning(overrides, folder / "dataset", deadline).learn()


def _finished(checkpoint: Path, epochs: int) -> bool:
    if not checkpoint.is_file():
        return False
    try:
        state = torch.load(checkpoint, map_location="cpu", weights_only=False)
        return int(state["epoch"]) + 1 >= epochs
    except (OSError, RuntimeError, ValueError, EOFError, KeyError, TypeError) as error:
        raise InputError(f"{checkpoint}: cannot be gone on from; remove it: {error!r}") from error


def _export(config: DetectorConfig, folder: Path, made: dict[str, Any]) -> Path:
    """Write the best checkpoint for use, without paths and optimizer, and its record."""
    state = torch.load(folder / "weights" / "best.pt", map_location="cpu", weights_only=False)
    options = {"task": "detect", "imgsz": config.image_size, "single_cls": False}
    model = state["ema"].half()
    model.args, model.criterion = options, None
    vars(model).pop("pt_path", None)
    model.yaml = {**model.yaml, "yaml_file": config.model}
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    measured = {key: round(float(value), 4) for key, value in state["train_metrics"].items()}
    about = {"version": metadata.version("ultralytics"), "license": LICENCE}
    path = folder / "detector-n.pt"
    kept = {"model": model, "epoch": -1, "train_args": options, "train_metrics": measured}
    torch.save({**kept, **about}, path)
    record = {
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "licence": f"{LICENCE}, as ultralytics asks of models trained with its code",
        "classes": CLASSES,
        "command": _command(made["asked"]),
        "version": metadata.version("mvot-plugin"),
        "commit": _commit(),
        "ultralytics": about["version"],
        "settings": asdict(config),
        "data": {"images": made["images"], "boxes": made["boxes"]},
        "epoch": int(state["epoch"]) + 1,
        "measured": measured,
    }
    path.with_suffix(".json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    print(
        f"on pictures held out, at {config.image_size} pixels: "
        f"mAP50 {measured['metrics/mAP50(B)']:.3f} "
        f"(people {measured['metrics/person-mAP50(B)']:.3f}), "
        f"mAP50-95 {measured['metrics/mAP50-95(B)']:.3f}"
    )
    return path


def _command(asked: dict[str, Any]) -> str:
    words = ["mvot-train detector --data", *asked["places"]]
    if asked["labelers"]:
        words += ["--labelers", *asked["labelers"]]
    return " ".join(words)


def _commit() -> str:
    """The commit of the checkout that this runs from, if it does."""
    root = Path(__file__).parents[3]
    if not (root / ".git").exists():
        return "unknown"
    done = subprocess.run(
        ["git", "-C", str(root), "rev-parse", "HEAD"], capture_output=True, text=True, check=False
    )
    return done.stdout.strip() or "unknown"

"""The stage ``detector`` of ``mvot-train``: the package's own small YOLO detector."""

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

from mvot_plugin.detectors.ultralytics import import_ultralytics, isolate_ultralytics
from mvot_plugin.errors import InputError, UsageError
from mvot_plugin.runtimes.devices import choose_device
from mvot_training.detector.config import DetectorTrainingConfig
from mvot_training.detector.dataset import prepare_dataset
from mvot_training.detector.graph import export_graph
from mvot_training.detector.pseudo_labels import CLASSES
from mvot_training.options import Stage

__all__ = ["DETECTOR", "train_detector"]

LICENCE = "AGPL-3.0"
"""The licence that ultralytics asks of models trained with its code."""


def train_detector(
    config: DetectorTrainingConfig,
    data: Sequence[Path],
    output: Path,
    *,
    labelers: Sequence[Path] = (),
    device: str = "auto",
    hours: float = 1.0,
    cache: Path | None = None,
) -> Path:
    """Label the data and train the detector, from the checkpoint in ``output`` if there is one.

    Writes ``dataset/`` (see ``prepare_dataset``) in ``cache`` (or ``output``), in ``output`` the
    checkpoint ``weights/last.pt``, ``results.csv``, and ``detector-n.pt``, the moving average of
    the weights at the best epoch in half precision, the same as a graph, ``detector-n.onnx``, and
    the record of both, ``detector-n.json``; returns the path of the first. All of this takes
    ``hours`` at most, but one batch is always trained.

    Raises ``UsageError`` without ultralytics, for a model that it does not have or a device that
    is missing, and what ``prepare_dataset`` raises.
    """
    deadline = time.monotonic() + 3600 * hours
    chosen = choose_device(device)
    output.mkdir(parents=True, exist_ok=True)
    dataset = (cache or output) / "dataset"
    with isolate_ultralytics():
        import_ultralytics()
        _check_model(config.model)
    summary = prepare_dataset(config, data, labelers, dataset)
    splits = {name.split()[0] for name in summary["images"]}
    if splits != {"train", "val"}:
        raise InputError(
            f"{dataset} has images for {' and '.join(splits)} only; give more data, "
            "or name a sequence in labels.held_out of the settings"
        )
    with isolate_ultralytics():
        if not _is_finished(output / "weights" / "last.pt", config.epochs):
            _train(config, dataset, output, str(chosen), deadline)
        return _export(config, output, summary)


def _check_model(name: str) -> None:
    try:
        if not name.endswith((".yaml", ".yml")):
            raise FileNotFoundError(name)
        import_module("ultralytics.nn.tasks").yaml_model_load(name)
    except FileNotFoundError:
        raise UsageError(
            f"model {name!r} is not a YAML of the installed ultralytics, such as yolo11n.yaml"
        ) from None


def _train(
    config: DetectorTrainingConfig, dataset: Path, output: Path, device: str, deadline: float
) -> None:
    from mvot_training.detector.trainer import DetectorTrainer

    last = output / "weights" / "last.pt"
    overrides: dict[str, Any] = {
        "model": config.model,
        "epochs": config.epochs,
        "batch": config.batch,
        "nbs": config.batch,
        "imgsz": config.image_size,
        "optimizer": "AdamW",
        "lr0": config.learning_rate,
        "cos_lr": True,
        "warmup_epochs": config.warmup_epochs,
        "warmup_bias_lr": 0.0,
        "weight_decay": config.weight_decay,
        "scale": config.scale,
        "close_mosaic": config.plain_epochs,
        "seed": config.seed,
        "device": device,
        "amp": "bf16" if device != "cpu" else False,
        "cache": "ram",
        "deterministic": False,
        "patience": 0,
        "plots": False,
        "pretrained": False,
        "save_dir": str(output),
    }
    if last.is_file():
        overrides["resume"] = str(last)
    DetectorTrainer(overrides, dataset, deadline).train_quietly()


def _is_finished(checkpoint: Path, epochs: int) -> bool:
    if not checkpoint.is_file():
        return False
    try:
        state = torch.load(checkpoint, map_location="cpu", weights_only=False)
        return int(state["epoch"]) + 1 >= epochs
    except (OSError, RuntimeError, ValueError, EOFError, KeyError, TypeError) as error:
        raise InputError(f"{checkpoint}: cannot be resumed from; remove it: {error!r}") from error


def _export(config: DetectorTrainingConfig, folder: Path, summary: dict[str, Any]) -> Path:
    """Write the best checkpoint, without paths and optimizer state, its graph and their record."""
    state = torch.load(folder / "weights" / "best.pt", map_location="cpu", weights_only=False)
    options = {"task": "detect", "imgsz": config.image_size, "single_cls": False}
    model = state["ema"].half()
    model.args, model.criterion = options, None
    vars(model).pop("pt_path", None)
    model.yaml = {**model.yaml, "yaml_file": config.model}
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    metrics = {key: round(float(value), 4) for key, value in state["train_metrics"].items()}
    origin = {"version": metadata.version("ultralytics"), "license": LICENCE}
    path = folder / "detector-n.pt"
    contents = {"model": model, "epoch": -1, "train_args": options, "train_metrics": metrics}
    torch.save({**contents, **origin}, path)
    graph = path.with_suffix(".onnx")
    export_graph(path, graph, config.image_size)
    record = {
        "sha256": hashlib.sha256(graph.read_bytes()).hexdigest(),
        "checkpoint_sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "licence": f"{LICENCE}, as ultralytics asks of models trained with its code",
        "classes": CLASSES,
        "command": _format_command(summary["asked"]),
        "version": metadata.version("mvot-plugin"),
        "commit": _find_commit(),
        "ultralytics": origin["version"],
        "settings": asdict(config),
        "data": {"images": summary["images"], "boxes": summary["boxes"]},
        "epoch": int(state["epoch"]) + 1,
        "measured": metrics,
    }
    path.with_suffix(".json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    print(
        f"on held-out images, at {config.image_size} pixels: "
        f"mAP50 {metrics['metrics/mAP50(B)']:.3f} "
        f"(people {metrics['metrics/person-mAP50(B)']:.3f}), "
        f"mAP50-95 {metrics['metrics/mAP50-95(B)']:.3f}"
    )
    return path


def _format_command(request: dict[str, Any]) -> str:
    words = ["mvot-train detector --data", *request["places"]]
    if request["labelers"]:
        words += ["--labelers", *request["labelers"]]
    return " ".join(words)


def _find_commit() -> str:
    """The commit of the checkout that this runs from, or ``unknown``."""
    root = Path(__file__).parents[3]
    if not (root / ".git").exists():
        return "unknown"
    process = subprocess.run(
        ["git", "-C", str(root), "rev-parse", "HEAD"], capture_output=True, text=True, check=False
    )
    return process.stdout.strip() or "unknown"


def _add_options(group: Any) -> None:
    group.add_argument(
        "--labelers",
        nargs="+",
        type=Path,
        default=[],
        metavar="FILE",
        help="two detectors or more, which label what has no ground truth",
    )


DETECTOR = Stage(
    name="detector",
    summary="a small YOLO, on ground truth and on other detectors' labels",
    config=DetectorTrainingConfig,
    output="detector",
    smoke={
        "epochs": 2,
        "batch": 4,
        "image_size": 64,
        "labels": {"frame_step": 50, "annotated_frame_step": 50, "photo_step": 40},
    },
    train=train_detector,
    add_options=_add_options,
    train_options=("labelers",),
    held_out="labels.held_out",
)

"""``mvot-train inertia``: train the inertia module of trained weights, and nothing else of them."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from mvot_plugin.engines import load_engine
from mvot_plugin.engines.loading import create_config
from mvot_plugin.engines.siammotion import SiamMotionEngine
from mvot_plugin.engines.table import ENGINES
from mvot_plugin.errors import InputError, UsageError
from mvot_plugin.models.inertia import Inertia
from mvot_plugin.weights import (
    load_parameters,
    read_kind,
    read_weights,
    replace_weights,
    shipped_weights,
)
from mvot_training.inertia.config import InertiaTrainingConfig
from mvot_training.inertia.metrics import compare_predictors, format_metrics
from mvot_training.inertia.sampling import WindowSampler
from mvot_training.inertia.tracker_boxes import cut_tracked_windows, load_or_track
from mvot_training.inertia.trainer import PREFIX, InertiaTrainer
from mvot_training.inertia.trajectories import (
    GroundTruthTracks,
    cut_filmed_windows,
    read_ground_truth_tracks,
)
from mvot_training.inertia.windows import Windows
from mvot_training.options import Stage
from mvot_training.trainer import CHECKPOINT

__all__ = ["INERTIA", "load_inertia", "train_inertia"]

KINDS = ("siammotion", "siammotion-n")
"""The kinds of weights files with an inertia module, which have the names of their engines."""
FIRST_LAYER_SCALE = 5.0
"""Factor of an untrained first layer's weights: tanh of a few hundredths is nearly linear."""


def train_inertia(
    config: InertiaTrainingConfig,
    data: Sequence[Path],
    output: Path,
    *,
    weights: Path,
    device: str = "auto",
    hours: float = 1.0,
    cache: Path | None = None,
) -> Path:
    """Train the inertia module of the file ``weights``, from the checkpoint in ``output`` if any.

    It is trained on the motion of the objects of the sequences in ``data``: their ground truth, and
    the boxes of the tracker of ``weights``, run on ``device`` without inertia; ``hours`` do not
    include that run. The training is on the CPU, where the module runs in use. Writes into
    ``output`` what ``Trainer.run`` does, and into ``cache`` (or ``output``) ``inertia-tracks``, the
    tracker's boxes; prints how well held-out boxes are predicted. Returns the path of the weights
    file.

    Raises ``InputError`` for files that cannot be used, ``UsageError`` for invalid settings.
    """
    inertia = load_inertia(weights)
    if (output / weights.name).resolve() == weights.resolve():
        raise UsageError(f"--output {output} is where --weights lies; name another folder")
    sequences = read_ground_truth_tracks(data, held_out=config.held_out, frames=config.max_frames)
    filmed = [_cut_filmed_windows(part, inertia, config) for part in sequences]
    output.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256(weights.read_bytes())
    engine = _load_engine_without_inertia(weights, device)
    folder, origin = (cache or output) / "inertia-tracks", digest.hexdigest()
    boxes = [load_or_track(engine, part, config.strides, folder, origin) for part in sequences]
    known, ahead = inertia.known, config.ahead
    tracked = [
        cut_tracked_windows(zip(*pair, strict=True), known=known, ahead=ahead)
        for pair in zip(boxes, sequences, strict=True)
    ]
    digest.update(repr(config).encode() + b"".join(t.digest for part in sequences for t in part))
    held_out = {"tracked": tracked[1], "filmed": filmed[1]}
    trainer = _create_trainer(inertia, config, weights, output, held_out, digest.hexdigest())
    windows = WindowSampler(tracked=tracked[0], filmed=filmed[0])
    path = trainer.run(windows, output, seconds=3600 * hours)
    _record_metrics(path, trainer, windows)
    return path


def _create_trainer(
    inertia: Inertia,
    config: InertiaTrainingConfig,
    weights: Path,
    output: Path,
    held_out: Mapping[str, Windows],
    origin: str,
) -> InertiaTrainer:
    """A trainer at its checkpoint if there is one, or else at its start."""
    trainer = InertiaTrainer(
        _scale_untrained(inertia),
        config,
        torch.device("cpu"),
        weights=weights,
        held_out=held_out,
        origin=origin,
    )
    if (output / CHECKPOINT).exists():
        trainer.resume(output / CHECKPOINT)
    return trainer


def load_inertia(weights: Path) -> Inertia:
    """The inertia module of a weights file, in single precision.

    Raises ``InputError`` for a file that cannot be read, or whose network has none.
    """
    settings, tensors = read_weights(weights, *KINDS)
    own = {k.removeprefix(PREFIX): v for k, v in tensors.items() if k.startswith(PREFIX)}
    if not own:
        raise InputError(f"{weights}: its network has no inertia module; there is nothing to train")
    kind = read_kind(weights)
    network = ENGINES[kind].network
    assert network is not None
    config = create_config(kind, network, settings, weights)
    inertia = Inertia(config.known, config.inertia_hidden)
    load_parameters(inertia, own, weights)
    return inertia


def _load_engine_without_inertia(weights: Path, device: str) -> SiamMotionEngine:
    """The tracker of a weights file; it searches for targets at their last boxes."""
    engine = load_engine(read_kind(weights), str(weights), device)
    assert isinstance(engine, SiamMotionEngine)
    return replace(engine, stand_in="last box")


def _scale_untrained(inertia: Inertia) -> Inertia:
    """Scale the first layer of an untrained module: of one that predicts the last box again."""
    first, last = inertia.layers[0], inertia.layers[-1]
    if not any(parameter.any() for parameter in last.parameters()):
        with torch.no_grad():
            first.weight.mul_(FIRST_LAYER_SCALE)  # type: ignore[operator]
    return inertia


def _cut_filmed_windows(
    sequences: Sequence[GroundTruthTracks], inertia: Inertia, config: InertiaTrainingConfig
) -> Windows:
    """All windows of the ground truth; raises ``InputError`` if there are none."""
    windows = cut_filmed_windows(sequences, config.strides, known=inertia.known, ahead=config.ahead)
    if not len(windows):
        names = ", ".join(sequence.folder.name for sequence in sequences)
        frames = inertia.known + config.ahead
        raise InputError(f"no object has boxes on {frames} frames in a row in {names}; add others")
    return windows


def _record_metrics(path: Path, trainer: InertiaTrainer, windows: WindowSampler) -> None:
    """Measure the inertia module of a weights file; print and record the metrics."""
    metrics = compare_predictors(load_inertia(path), trainer.held_out)
    record = {
        "steps": trainer.step,
        "training": asdict(trainer.config),
        "windows": {"tracked": len(windows.tracked), "filmed": len(windows.filmed)},
        "held_out": {
            kind: {name: asdict(row) for name, row in predictors.items()}
            for kind, predictors in metrics.items()
        },
    }
    replace_weights(path, path, {}, {"inertia": record})
    tqdm.write(format_metrics(metrics))


def _add_options(group: Any) -> None:
    help_text = "the weights whose inertia module to train (required)"
    group.add_argument("--weights", type=Path, metavar="FILE", help=help_text)


INERTIA = Stage(
    name="inertia",
    summary="the inertia module, which predicts where a target moves",
    config=InertiaTrainingConfig,
    output="training/inertia",
    smoke={"steps": 30, "batch": 32, "validate_every": 10, "max_frames": 30},
    train=train_inertia,
    add_options=_add_options,
    train_options=("weights",),
    requires_weights=True,
    smoke_weights=lambda config: shipped_weights("siammotion-n"),
)

"""``mvot-train nanotrack``: measure what `nanotrack` needs beside its published networks."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from mvot_benchmarks.vot import read_vot_sequence
from mvot_plugin.engines.nanotrack import NanoTrackEngine
from mvot_plugin.engines.nanotrack.config import NanoTrackConfig
from mvot_plugin.engines.nanotrack.loading import build_graphs, find_files, read_published
from mvot_plugin.errors import InputError, UsageError
from mvot_plugin.extras import is_cpu
from mvot_training.calibration import measure_calibration
from mvot_training.data.folders import DataKind, find_data, identify_data
from mvot_training.nanotrack.config import NanoTrackConstantsConfig
from mvot_training.nanotrack.gates import measure_gates
from mvot_training.options import Stage
from mvot_training.validation import Validation

__all__ = ["NANOTRACK", "measure_constants"]

DIGITS = 6
"""Digits after the point of the constants."""


def measure_constants(
    config: NanoTrackConstantsConfig,
    data: Sequence[Path],
    output: Path,
    *,
    weights: Path | None = None,
    device: str = "auto",
    hours: float = 1.0,
    cache: Path | None = None,
) -> Path:
    """Measure the constants of the engine `nanotrack` on the sequences in ``data``.

    The gates of the published backbone are replaced by their means; then the engine's scores are
    calibrated. That takes minutes on one thread of a CPU, and the same constants result each time:
    ``hours`` does not end it, and nothing is kept in ``cache``.

    Args:
        config: The settings.
        data: Folders of sequences.
        output: The folder to write ``nanotrack.json`` to.
        weights: The folder of the published files; for None they are fetched once.
        device: "auto" or "cpu".
        hours: Not used.
        cache: Not used.

    Returns:
        The path of ``nanotrack.json``.

    Raises:
        InputError: The published files, or a sequence, cannot be read.
        UsageError: Another device is asked for.
    """
    if device != "auto" and not is_cpu(device):
        raise UsageError(f"mvot-train nanotrack runs on the CPU, not on {device!r}")
    paths = find_files("auto" if weights is None else str(weights))
    published = read_published(paths)
    sequences = _find_sequences(data, config)
    gates = measure_gates(published.backbone, sequences, config)
    means = [np.round(mean, DIGITS) for mean in gates.means]
    graphs = build_graphs(published, NanoTrackConfig(), means, threads=1)
    engine = NanoTrackEngine.from_network(graphs)
    videos = (read_vot_sequence(folder, config.calibration_frames) for folder in sequences)
    slope, offset = (round(value, DIGITS) for value in measure_calibration(engine, videos))
    record = {
        "licence": "Apache-2.0",
        "command": f"mvot-train nanotrack --data {' '.join(root.resolve().name for root in data)}",
        "data": [folder.name for folder in sequences],
        "crops": gates.crops,
        "backbone_sha256": hashlib.sha256(paths[0].read_bytes()).hexdigest(),
        "settings": asdict(config),
        "measured": _validate(replace(engine, calibration=(slope, offset)), data, config),
    }
    lists = [[round(float(factor), DIGITS) for factor in mean] for mean in means]
    constants = {"gates": lists, "calibration": [slope, offset], "record": record}
    output.mkdir(parents=True, exist_ok=True)
    path = output / "nanotrack.json"
    path.write_text(_format_constants(constants), encoding="utf-8")
    return path


def _find_sequences(data: Sequence[Path], config: NanoTrackConstantsConfig) -> list[Path]:
    """The folders of sequences in ``data`` that are not held out; ``InputError`` for none."""
    folders = [
        folder
        for root in data
        for folder in find_data(root)
        if identify_data(folder) is DataKind.SEQUENCE and folder.name not in config.held_out
    ]
    if not folders:
        raise InputError(f"there are no sequences to measure on in {', '.join(map(str, data))}")
    return folders


def _validate(
    engine: NanoTrackEngine, data: Sequence[Path], config: NanoTrackConstantsConfig
) -> dict[str, float]:
    """How well the engine tracks the held-out sequences, as ``Validation.measure`` says."""
    frames = config.calibration_frames
    validation = Validation.open(data, config.held_out, frames=frames, synthetic_scenes=0)
    if not validation.sequences:
        return {}
    return {name: round(value, 4) for name, value in validation.measure(engine).items()}


def _format_constants(constants: dict[str, Any]) -> str:
    """JSON with one line for each gate, and the record indented."""
    gates = ",\n  ".join(json.dumps(gate) for gate in constants["gates"])
    record = json.dumps(constants["record"], indent=1).replace("\n", "\n ")
    calibration = json.dumps(constants["calibration"])
    return (
        f'{{\n "gates": [\n  {gates}\n ],\n "calibration": {calibration},\n'
        f' "record": {record}\n}}\n'
    )


def _add_options(group: Any) -> None:
    help_text = "the folder of the published files, which are fetched where it is not given"
    group.add_argument("--weights", type=Path, metavar="FOLDER", help=help_text)


NANOTRACK = Stage(
    name="nanotrack",
    summary="the constants of nanotrack (gates and calibration), which are measured, not learnt",
    config=NanoTrackConstantsConfig,
    output="training/nanotrack",
    smoke={"frame_step": 10, "calibration_frames": 10},
    train=measure_constants,
    add_options=_add_options,
    train_options=("weights",),
)

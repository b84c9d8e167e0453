"""``mvot-train inertia``: the inertia module of trained weights, and no other part of them."""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from mvot_pipelines.training.inertia.figures import Figures, compare
from mvot_pipelines.training.inertia.filmed import Truth, filmed_windows, read_truths
from mvot_pipelines.training.inertia.learning import InertiaTraining
from mvot_pipelines.training.inertia.material import Material
from mvot_pipelines.training.inertia.settings import InertiaConfig
from mvot_pipelines.training.inertia.tracked import kept_tracks, tracked_windows
from mvot_pipelines.training.inertia.windows import Windows
from mvot_plugin.engines import load_engine
from mvot_plugin.engines.siammotion import SiamMotionEngine
from mvot_plugin.errors import InputError, UsageError
from mvot_plugin.models.inertia import Inertia
from mvot_plugin.models.siammotion import SiamMotionConfig
from mvot_plugin.weights import graft_weights, load_into, read_weights

__all__ = ["Outcome", "read_inertia", "train_inertia"]

PREFIX = "inertia."
SPREAD = 5.0
"""How much wider an untrained first layer starts: tanh of mere hundredths is all but linear."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The weights file that a training left, and its figures on what was held out.

    ``figures`` are by what inertia was given, "tracked" or "filmed" boxes, and by predictor,
    as ``compare`` gives them.
    """

    weights: Path
    figures: dict[str, dict[str, Figures]]

    def table(self) -> str:
        """The figures, in lines for people."""
        lines = [f"{'held out':24}next box: IoU    miss   ahead: IoU    miss"]
        for kind, found in self.figures.items():
            for name, f in found.items():
                next_box = f"{f.overlap:15.4f}{f.miss:8.4f}"
                ahead = f"{f.overlap_ahead:13.4f}{f.miss_ahead:8.4f}"
                lines.append(f"{kind:9}{name:14} {next_box}{ahead}")
        return "\n".join(lines)


def train_inertia(
    config: InertiaConfig,
    weights: Path,
    data: Sequence[Path],
    folder: Path,
    *,
    device: str = "auto",
    hours: float = 1.0,
) -> Outcome:
    """Train the inertia module of a weights file, from ``folder``'s checkpoint if there is one.

    It learns how the objects of the sequences in ``data`` move: by their ground truth, and by what
    the tracker of ``weights``, run on ``device`` without inertia, makes of them. It is trained on
    the CPU, where it will run. Leaves ``inertia-tracks``, the tracker's boxes, ``inertia.pt`` to go
    on from, ``inertia.csv``, and a weights file of the old name with what was best on the sequences
    held out; ``hours`` do not count the tracking.

    Raises ``InputError`` for files that cannot be used, ``UsageError`` for settings that cannot be.
    """
    inertia = read_inertia(weights)
    if (folder / weights.name).resolve() == weights.resolve():
        raise UsageError(f"--output {folder} is where --weights lies; name another folder")
    truths = read_truths(data, held_out=config.held_out, frames=config.frames)
    filmed = [_filmed(part, inertia, config) for part in truths]
    folder.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256(weights.read_bytes())
    engine = _without_inertia(weights, device)
    cache, origin = folder / "inertia-tracks", digest.hexdigest()
    followed = [kept_tracks(engine, part, config.strides, cache, origin) for part in truths]
    tracked = [
        tracked_windows(zip(*each, strict=True), known=inertia.known, ahead=config.ahead)
        for each in zip(followed, truths, strict=True)
    ]
    digest.update(repr(config).encode() + b"".join(t.digest for part in truths for t in part))
    material = Material(tracked=tracked[0], filmed=filmed[0])
    held_out = {"tracked": tracked[1], "filmed": filmed[1]}
    training = InertiaTraining(_spread(inertia), config, material, held_out, digest.hexdigest())
    return _run(training, weights, folder, hours)


def read_inertia(weights: Path) -> Inertia:
    """The inertia module of a weights file, in single precision.

    Raises ``InputError`` for a file that cannot be read, or whose network has none.
    """
    settings, tensors = read_weights(weights, "siammotion")
    own = {k.removeprefix(PREFIX): v for k, v in tensors.items() if k.startswith(PREFIX)}
    if not own:
        raise InputError(f"{weights}: its network has no inertia module; there is nothing to train")
    config = SiamMotionConfig.from_dict(settings)
    inertia = Inertia(config.known, config.inertia_hidden)
    load_into(inertia, own, weights)
    return inertia


def _without_inertia(weights: Path, device: str) -> SiamMotionEngine:
    """The tracker of a weights file, which looks for its targets where they were last."""
    engine = load_engine("siammotion", str(weights), device)
    assert isinstance(engine, SiamMotionEngine)
    engine.network.inertia = None
    return engine


def _spread(inertia: Inertia) -> Inertia:
    """The module; if it is untrained, which is when it predicts rest, with a wider first layer."""
    first, last = inertia.layers[0], inertia.layers[-1]
    if not any(part.any() for part in last.parameters()):
        with torch.no_grad():
            first.weight.mul_(SPREAD)  # type: ignore[operator]
    return inertia


def _filmed(truths: Sequence[Truth], inertia: Inertia, config: InertiaConfig) -> Windows:
    """All windows of true boxes of some sequences; raises ``InputError`` if there are none."""
    windows = filmed_windows(truths, config.strides, known=inertia.known, ahead=config.ahead)
    if not len(windows):
        names = ", ".join(truth.folder.name for truth in truths)
        frames = inertia.known + config.ahead
        raise InputError(f"no object has boxes on {frames} frames in a row in {names}; add others")
    return windows


def _run(training: InertiaTraining, weights: Path, folder: Path, hours: float) -> Outcome:
    """Train from the checkpoint on, write the file with the best inertia, and measure that file."""
    if (folder / "inertia.pt").is_file():
        training.resume(folder)
    training.run(folder, seconds=3600 * hours)
    path = folder / weights.name
    config, material = training.config, training.material
    best = {f"{PREFIX}{name}": value for name, value in training.best.items()}
    graft_weights(weights, path, best, {})
    figures = compare(read_inertia(path), training.held_out)
    said = {
        "steps": training.step,
        "training": asdict(config),
        "windows": {"tracked": len(material.tracked), "filmed": len(material.filmed)},
        "held_out": {
            kind: {name: asdict(each) for name, each in found.items()}
            for kind, found in figures.items()
        },
    }
    graft_weights(weights, path, best, {"inertia": said})
    return Outcome(weights=path, figures=figures)

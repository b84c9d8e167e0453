"""``mvot-train backbone``: a ResNet-18 without ImageNet, taught by a network that knows it."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mvot_pipelines.training.backbone.learning import Distilling
from mvot_pipelines.training.backbone.material import Material, read_material
from mvot_pipelines.training.backbone.settings import BackboneConfig
from mvot_pipelines.training.curves import append_row, draw_curves
from mvot_plugin.devices import choose_device

__all__ = ["train_backbone"]


def train_backbone(
    config: BackboneConfig,
    data: Sequence[Path],
    folder: Path,
    *,
    device: str = "auto",
    hours: float = 1.0,
    cache: Path | None = None,
    backbone: Path | str | None = None,
) -> Path:
    """Teach a ResNet-18, from ``folder``'s last checkpoint if there is one.

    ``backbone`` is where its first weights come from, see ``load_backbone``. Leaves ``last.pt`` to
    go on from, tables and a picture of losses and validations, and the best moving average so far
    as a weights file, whose path is returned: one for ``mvot-train siammotion --backbone``, or,
    where a tracker was imitated, a tracker's, for ``--weights``.

    Raises ``InputError`` for data that cannot be used, and ``UsageError`` without the teacher's
    package.
    """
    learnt, held_out = read_material(
        data, held_out=config.held_out, photos_apart=config.photos_apart, cache=cache
    )
    classes = sorted(set(learnt.tiles.kinds)) if config.tiles else []
    resumed = (folder / "last.pt").exists()
    first = None if resumed else backbone
    training = Distilling(config, classes, choose_device(device), first)
    folder.mkdir(parents=True, exist_ok=True)
    if resumed:
        training.resume(folder / "last.pt")
    path = folder / training.teacher.file
    said = {
        "licence": "Apache-2.0",
        "teacher": training.teacher.source,
        "command": f"mvot-train backbone --data {' '.join(root.resolve().name for root in data)}",
        "data": {"learnt": learnt.counts, "held_out": held_out.counts},
    }
    judge = _judge(training, held_out, folder, path, said)
    training.run(learnt, folder, seconds=3600 * hours, judge=judge)
    if not path.exists():
        _export(training, path, said, {})
    draw_curves(folder)
    return path


def _judge(
    training: Distilling, held_out: Material, folder: Path, path: Path, said: dict[str, Any]
) -> Callable[[], None]:
    """What notes a training's figures, and keeps the best weights at ``path``."""

    def judge() -> None:
        figures: dict[str, float] = {}
        if held_out.photos or held_out.clips:
            figures = training.judge(held_out)
            append_row(folder / "validation.csv", training.step, figures)
            if not figures["loss"] < training.best:
                return
            training.best = figures["loss"]
        _export(training, path, said, figures)

    return judge


def _export(
    training: Distilling, path: Path, said: dict[str, Any], figures: dict[str, float]
) -> None:
    """Write what a training's moving average has learnt."""
    config = training.config
    record = {**said, "steps": training.step, "validation": figures, "training": asdict(config)}
    training.teacher.save(path, training.average, record)

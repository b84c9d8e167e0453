"""How the small detector is taught."""

from dataclasses import dataclass, field

from mvot_pipelines.training.labelling import Agreement
from mvot_pipelines.training.settings import TrainingConfig
from mvot_plugin.errors import UsageError

__all__ = ["DetectorConfig", "LabelConfig"]


@dataclass(frozen=True, kw_only=True)
class LabelConfig:
    """Which pictures are used, and how they get their labels.

    Of a sequence, every ``every``-th frame is used, of one with the ground truth of all its people
    every ``every_known``-th; of a folder of photos every ``every_photo``-th. Pictures are reduced
    to ``longest`` pixels. Of those without any object one in ``keep_empty`` is kept. Those with
    more than ``crowd`` weak boxes that no label explains are left out. Every 8th photo and the
    folders named in ``held_out`` are for validation.
    """

    every: int = 5
    every_known: int = 2
    every_photo: int = 1
    longest: int = 640
    keep_empty: int = 3
    crowd: int = 15
    held_out: tuple[str, ...] = TrainingConfig.held_out
    agreement: Agreement = field(default_factory=Agreement)

    def __post_init__(self) -> None:
        for name in ("every", "every_known", "every_photo", "keep_empty", "longest"):
            if getattr(self, name) < 1:
                raise UsageError(f"labels.{name} must be 1 or more, got {getattr(self, name)}")


@dataclass(frozen=True, kw_only=True)
class DetectorConfig:
    """The schedule of ``mvot-train detector``; ``model`` is a YAML of ultralytics'.

    The learning rate rises over ``warmup`` epochs to ``rate`` and falls along a cosine to a
    hundredth of it at the last of ``epochs``, however often the training is broken off. Images are
    ``image_size`` pixels square: mosaics of four, scaled by 1 - ``scale`` to 1 + ``scale`` (what
    makes people small), but in the last ``plain`` epochs, which see one picture at a time.
    """

    model: str = "yolo11n.yaml"
    epochs: int = 200
    batch: int = 16
    image_size: int = 416
    rate: float = 1e-3
    warmup: float = 1.0
    weight_decay: float = 5e-4
    scale: float = 0.7
    plain: int = 10
    seed: int = 0
    labels: LabelConfig = field(default_factory=LabelConfig)

    def __post_init__(self) -> None:
        for name in ("epochs", "batch", "image_size", "rate"):
            if not getattr(self, name) > 0:
                raise UsageError(f"{name} must be above 0, got {getattr(self, name)}")

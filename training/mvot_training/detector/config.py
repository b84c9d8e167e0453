"""The training settings of ``mvot-train detector``."""

from dataclasses import dataclass, field

from mvot_plugin.errors import UsageError
from mvot_training.config import HELD_OUT, check_counts
from mvot_training.detector.pseudo_labels import AgreementConfig

__all__ = ["DetectorTrainingConfig", "LabelConfig"]


@dataclass(frozen=True, kw_only=True)
class LabelConfig:
    """Which images are used, and how they are labelled. Every 8th photo is held out."""

    frame_step: int = 5
    """Every so many-th frame of a sequence is used."""
    annotated_frame_step: int = 2
    """The same for sequences with the ground truth of all their people."""
    photo_step: int = 1
    """Every so many-th photo of a folder is used."""
    max_size: int = 640
    """Images are reduced to so many pixels along the longer side."""
    empty_step: int = 3
    """Of the images without any object, every so many-th is kept."""
    max_unexplained: int = 15
    """Images with more weak boxes than this that no label explains (crowds) are left out."""
    held_out: tuple[str, ...] = HELD_OUT
    """Names of the sequences to validate on, which are not trained on."""
    agreement: AgreementConfig = field(default_factory=AgreementConfig)
    """When boxes of several detectors become labels."""

    def __post_init__(self) -> None:
        names = ("frame_step", "annotated_frame_step", "photo_step", "empty_step", "max_size")
        check_counts(self, names, prefix="labels.")


@dataclass(frozen=True, kw_only=True)
class DetectorTrainingConfig:
    """The network and the schedule of ``mvot-train detector``, in epochs, as ultralytics has it."""

    model: str = "yolo11n.yaml"
    """The network: a YAML file of ultralytics."""
    epochs: int = 200
    """Passes over the data in total."""
    batch: int = 16
    """Images per training step."""
    image_size: int = 416
    """Side of the square training images in pixels."""
    learning_rate: float = 1e-3
    """The highest learning rate; it falls along a cosine to a hundredth of that."""
    warmup_epochs: float = 1.0
    """Epochs over which the learning rate rises to the highest, at the start."""
    weight_decay: float = 5e-4
    """Weight decay of AdamW."""
    scale: float = 0.7
    """Images are scaled by 1 - scale to 1 + scale, in mosaics of four."""
    plain_epochs: int = 10
    """Last epochs, which see one image at a time, without mosaics."""
    seed: int = 0
    """Seed of the samples and of random initial weights."""
    labels: LabelConfig = field(default_factory=LabelConfig)
    """Which images are used, and how they are labelled."""

    def __post_init__(self) -> None:
        for name in ("epochs", "batch", "image_size", "learning_rate"):
            if not getattr(self, name) > 0:
                raise UsageError(f"setting '{name}' must be above 0, got {getattr(self, name)}")

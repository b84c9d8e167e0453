"""The training settings of ``mvot-train backbone``."""

from dataclasses import dataclass

from mvot_plugin.errors import UsageError, unknown_name
from mvot_plugin.models.backbones.efficientnet import STAGES
from mvot_training.config import TrainingConfig, check_counts

__all__ = ["BackboneTrainingConfig"]


@dataclass(frozen=True, kw_only=True)
class BackboneTrainingConfig(TrainingConfig):
    """The student, a ResNet-18, its teacher, and the schedule of ``mvot-train backbone``."""

    width: int = 64
    """Channels of the ResNet-18's stem."""
    teacher: str = "lite0"
    """An EfficientNet-Lite with ImageNet's weights (lite0, lite1, ...), whose features are
    distilled, or the path of a SiamMOTION weights file, whose whole pyramid is."""
    steps: int = 4000
    """Training steps in total."""
    batch: int = 32
    """Crops per training step at 128 pixels; more of smaller and fewer of larger ones."""
    crop_sizes: tuple[int, ...] = (96, 128, 160, 192, 256)
    """Sides of the square crops in pixels, multiples of 32; each step has one of them."""
    tile_share: float = 0.3
    """Share of the crops that are Tiny ImageNet's labelled photos."""
    photo_share: float = 0.6
    """Share of the other crops that come from photos; the rest comes from frames of videos."""
    label_weight: float = 0.2
    """Weight of the cross-entropy of Tiny ImageNet's labels in the loss."""
    learning_rate: float = 2e-3
    """The highest learning rate."""
    weight_decay: float = 0.02
    """Weight decay of AdamW."""
    ema_decay: float = 0.9995
    """Decay per step of the moving average of all weights."""
    validate_every: int = 500
    """Steps between validations."""
    validation_crops: int = 1000
    """Crops to validate on, and as many of Tiny ImageNet's validation photos."""
    hold_out_every: int = 20
    """Every so many-th photo is held out."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_counts(self, ("width", "validation_crops"))
        if self.hold_out_every < 2:
            raise UsageError(
                f"setting 'hold_out_every' must be 2 or more, got {self.hold_out_every}"
            )
        if not self.crop_sizes or any(n % 32 or not 64 <= n <= 256 for n in self.crop_sizes):
            raise UsageError("setting 'crop_sizes' must list multiples of 32 from 64 to 256")
        if not (0 <= self.tile_share < 1 and 0 <= self.photo_share <= 1):
            raise UsageError("settings 'tile_share' and 'photo_share' are shares, from 0 to 1")
        if self.teacher not in STAGES and not self.teacher.endswith(".safetensors"):
            raise unknown_name("teacher", self.teacher, STAGES)

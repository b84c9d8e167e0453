"""The training settings of ``mvot-train siamfc`` and ``mvot-train siammt``."""

from dataclasses import dataclass, field

from mvot_plugin.errors import UsageError, unknown_name
from mvot_plugin.models.backbones.efficientnet import STAGES
from mvot_plugin.models.siamfc.config import CHANNELS
from mvot_training.config import TrainingConfig
from mvot_training.losses import PairLossConfig
from mvot_training.pairs.augmentation import SEARCH_PER_EXEMPLAR, Jitter
from mvot_training.pairs.batches import PairGeometry
from mvot_training.pairs.config import SamplingConfig, require_labels

__all__ = ["CorrelationTrainingConfig", "SiamFCTrainingConfig", "SiamMTTrainingConfig"]


def _sampling() -> SamplingConfig:
    return SamplingConfig(
        crowd_share=0.4,
        weights={"videos": 0.4, "synthetic": 0.15, "photos": 0.12, "cutouts": 0.33},
    )


@dataclass(frozen=True, kw_only=True)
class CorrelationTrainingConfig(TrainingConfig):
    """The network and the schedule of SiamFC and SiamMT; the defaults are SiamFC's."""

    channels: tuple[int, ...] = CHANNELS
    """Channels of the backbone's five convolutions."""
    steps: int = 6000
    """Training steps in total."""
    batch: int = 8
    """Pairs per training step."""
    learning_rate: float = 1e-3
    """The highest learning rate."""
    weight_decay: float = 1e-3
    """Weight decay of AdamW."""
    frozen_layers: int = 0
    """First convolutions of the backbone that are not trained."""
    teacher: str = "lite0"
    """EfficientNet-Lite with ImageNet's weights whose features are to be predicted from the
    backbone's (feature distillation): lite0, lite1, ...; empty for none."""
    distillation_weight: float = 1.0
    """Weight of the feature distillation in the loss."""
    shift: float = 0.22
    """How far search areas are from their targets at most, in sides of the area."""
    scale: float = 0.06
    """How much search areas are too large or too small: a logarithm of the side."""
    aspect: float = 0.03
    """How much search areas are too wide or too high: a logarithm of the ratio."""
    ema_decay: float = 0.998
    """Decay per step of the moving average of all weights."""
    validate_every: int = 1000
    """Steps between validations."""
    validation_frames: int = 60
    """Frames at the start of each held-out sequence to track through in a validation."""
    synthetic_scenes: int = 6
    """Street scenes that are rendered in addition to the data."""
    sampling: SamplingConfig = field(default_factory=_sampling)
    """Which kinds of pairs are sampled, and how often."""
    loss: PairLossConfig = field(default_factory=PairLossConfig)
    """The loss of a batch of pairs."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require_labels(self.sampling)
        if not 0 <= self.frozen_layers < len(CHANNELS):
            raise UsageError(f"setting 'frozen_layers' must be 0 to {len(CHANNELS) - 1}")
        if self.teacher and self.teacher not in STAGES:
            raise unknown_name("teacher", self.teacher, STAGES)

    @property
    def jitter(self) -> Jitter:
        """How far search areas are from the ground truth at most."""
        return Jitter(shift=self.shift, scale=self.scale, aspect=self.aspect)


@dataclass(frozen=True, kw_only=True)
class SiamFCTrainingConfig(CorrelationTrainingConfig):
    """``mvot-train siamfc``: crops of 127 and 255 pixels, from random weights (SiamMT 3.1)."""

    @property
    def geometry(self) -> PairGeometry:
        """Images that the areas fill."""
        side = 127 * SEARCH_PER_EXEMPLAR
        return PairGeometry(
            search_size=255, exemplar_size=127, min_side=side, max_side=side, jitter=self.jitter
        )


@dataclass(frozen=True, kw_only=True)
class SiamMTTrainingConfig(CorrelationTrainingConfig):
    """``mvot-train siammt``: SiamFC's weights, fine-tuned behind crop-and-resize (SiamMT 3.3)."""

    steps: int = 2000
    """Training steps in total."""
    learning_rate: float = 3e-4
    """The highest learning rate; lower, as the weights are fine-tuned."""
    warmup_steps: int = 50
    """Steps over which the learning rate rises to the highest, at the start."""
    frozen_layers: int = 3
    """First convolutions of the backbone that are not trained."""
    teacher: str = ""
    """Empty: there is no feature distillation."""
    scale: float = 0.1
    """How much search areas are too large or too small: a logarithm of the side."""
    ema_decay: float = 0.995
    """Decay per step of the moving average of all weights."""
    min_side: float = 32.0
    """Side (square root of the area) of the smallest objects, in pixels, after rescaling."""
    max_side: float = 80.0
    """Side (square root of the area) of the largest objects, in pixels, after rescaling."""
    window_scales: tuple[float, ...] = (0.84, 0.89, 0.945, 1.0, 1.06, 1.12, 1.19)
    """Sizes of the windows of the size loss, relative to jittered search areas; the one that fits
    is to be the most similar. SiamFC, whose images are rescaled, needs no such loss."""
    size_loss_weight: float = 0.5
    """Weight of the size loss."""

    @property
    def geometry(self) -> PairGeometry:
        """Images with the margins that a backbone without padding takes."""
        sides = [2 * size * SEARCH_PER_EXEMPLAR for size in (self.min_side, self.max_side)]
        search, exemplar = (int(self.max_side * n * 1.1) + 96 for n in (22 / 6, 1))
        return PairGeometry(
            search_size=search,
            exemplar_size=exemplar,
            min_side=sides[0],
            max_side=sides[1],
            jitter=self.jitter,
        )

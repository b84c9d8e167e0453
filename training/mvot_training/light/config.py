"""The training settings of ``mvot-train light``."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mvot_plugin.config import build_config
from mvot_plugin.errors import UsageError
from mvot_plugin.models.light.config import PRESETS, LightConfig
from mvot_training.config import TrainingConfig
from mvot_training.pairs.config import SamplingConfig

__all__ = ["LightLossConfig", "LightTrainingConfig"]

MIN_SIDE = 32
"""The least pixels along a search area."""


@dataclass(frozen=True, kw_only=True)
class LightLossConfig:
    """The weights of the parts of the loss of a batch of pairs."""

    features: float = 1.0
    """Of the distance to the teacher's features."""
    imitation: float = 2.0
    """Of the cross-entropy of scores with the teacher's."""
    truth: float = 1.0
    """Of the cross-entropy of scores with the ground truth."""
    boxes: float = 1.5
    """Of 1 - IoU with the ground truth, or where it is unknown with the teacher's boxes."""
    distances: float = 0.5
    """Of the smooth L1 of the logarithms of distances to the same boxes' edges."""
    visibility: float = 0.3
    """Of the cross-entropy of the visibility with the ground truth."""
    hardest: int = 16
    """Of each pair's cells outside the target, so many with the largest loss count once more:
    neighbours, look-alikes and what covers the target."""


@dataclass(frozen=True, kw_only=True)
class LightTrainingConfig(TrainingConfig):
    """The schedule of ``mvot-train light``, and what is learnt."""

    network: Mapping[str, Any] = field(default_factory=dict)
    """Changes of the network of siammotion-n, by the names of LightConfig."""
    steps: int = 8000
    """Training steps in total."""
    batch: int = 48
    """Pairs per training step."""
    image_sides: tuple[int, ...] = (128, 96)
    """Pixels along a search area as the network sees it; the steps take them in turn."""
    learning_rate: float = 4e-3
    """The highest learning rate."""
    backbone_rate_factor: float = 1.0
    """The learning rate of the backbone, as a share of the others'."""
    weight_decay: float = 1e-2
    """Weight decay of AdamW."""
    ema_decay: float = 0.999
    """Decay per step of the moving average of all weights."""
    validate_every: int = 1000
    """Steps between validations."""
    validation_frames: int = 80
    """Frames at the start of each held-out sequence to track through in a validation."""
    synthetic_scenes: int = 16
    """Street scenes that are rendered in addition to the data."""
    sampling: SamplingConfig = field(default_factory=SamplingConfig)
    """Which kinds of pairs are sampled, and how often."""
    loss: LightLossConfig = field(default_factory=LightLossConfig)
    """The loss of a batch of pairs."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.image_sides or min(self.image_sides) < MIN_SIDE:
            raise UsageError(f"setting 'image_sides' must list numbers of {MIN_SIDE} or more")
        self.architecture()

    def architecture(self) -> LightConfig:
        """The network as ``network`` changes it; raises ``UsageError`` for an unknown setting."""
        settings = {**vars(PRESETS["siammotion-n"]), **self.network}
        return build_config(LightConfig, settings, prefix="network.")

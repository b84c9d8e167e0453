"""The training settings of ``mvot-train siammotion``."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mvot_plugin.config import build_config
from mvot_plugin.models.siammotion_config import SiamMotionConfig
from mvot_training.config import TrainingConfig
from mvot_training.losses import PairLossConfig
from mvot_training.pairs.config import SamplingConfig, require_labels

__all__ = ["SiamMotionTrainingConfig"]


@dataclass(frozen=True, kw_only=True)
class SiamMotionTrainingConfig(TrainingConfig):
    """The network and the schedule of ``mvot-train siammotion``."""

    network: Mapping[str, Any] = field(default_factory=dict)
    """Changes of the paper's network, by the names of SiamMotionConfig."""
    steps: int = 20_000
    """Training steps in total."""
    batch: int = 32
    """Pairs per training step, all of one pyramid level; half as many on levels 3 and 4."""
    level_shares: tuple[float, ...] = (0.25, 0.45, 0.25, 0.05)
    """Relative frequencies of the pyramid levels 1, 2, ... of the search areas."""
    cross_level_share: float = 0.3
    """Share of the batches whose exemplars come from the pyramid level above or below."""
    learning_rate: float = 1e-3
    """The highest learning rate."""
    backbone_rate_factor: float = 0.1
    """The learning rate of the backbone, as a share of the others'."""
    frozen_fraction: float = 0.2
    """Share of the steps, from the first on, in which all of the backbone is frozen."""
    thawed_levels: int = 2
    """Last levels of the backbone that are trained then; those before them stay frozen."""
    ema_decay: float = 0.9998
    """Decay per step of the moving average of all weights."""
    validate_every: int = 1000
    """Steps between validations."""
    validation_frames: int = 80
    """Frames at the start of each held-out sequence to track through in a validation."""
    synthetic_scenes: int = 16
    """Street scenes that are rendered in addition to the data."""
    sampling: SamplingConfig = field(default_factory=SamplingConfig)
    """Which kinds of pairs are sampled, and how often."""
    loss: PairLossConfig = field(default_factory=PairLossConfig)
    """The loss of a batch of pairs."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require_labels(self.sampling)
        self.architecture()

    def architecture(self) -> SiamMotionConfig:
        """The paper's network as ``network`` changes it.

        Raises ``UsageError`` for an unknown setting, naming the nearest, and for a value of the
        wrong type.
        """
        return build_config(SiamMotionConfig, self.network, prefix="network.")

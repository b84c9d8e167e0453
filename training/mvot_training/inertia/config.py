"""The training settings of ``mvot-train inertia``."""

from dataclasses import dataclass
from math import inf

from mvot_plugin.errors import UsageError
from mvot_training.config import TrainingConfig, check_counts

__all__ = ["InertiaTrainingConfig"]


@dataclass(frozen=True, kw_only=True)
class InertiaTrainingConfig(TrainingConfig):
    """The schedule of ``mvot-train inertia``."""

    steps: int = 6000
    """Training steps in total."""
    batch: int = 256
    """Windows (boxes of one object on successive frames) per training step."""
    tracked_share: float = 0.5
    """Relative frequency of windows whose known boxes are the tracker's own."""
    filmed_share: float = 0.3
    """Relative frequency of windows whose known boxes are the ground truth."""
    synthetic_share: float = 0.2
    """Relative frequency of windows of synthetic motion."""
    noise_share: float = 0.5
    """Share of the filmed and synthetic windows whose known boxes get the tracker's errors."""
    strides: tuple[int, ...] = (1, 2, 3)
    """Windows are of every frame, every second frame, ..."""
    ahead: int = 5
    """Boxes that are predicted in a row, each from the predictions before it."""
    rollout_weight: float = 0.5
    """Weight in the loss of the predictions after the first."""
    learning_rate: float = 2e-3
    """The highest learning rate."""
    ema_decay: float = 0.0
    """0: the weights themselves are validated and kept, not their moving average."""
    validate_every: int = 500
    """Steps between validations."""
    max_frames: int | None = None
    """Frames of each sequence that are used at most; null for all."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_counts(self, ("ahead",))
        if not self.strides or min(self.strides) < 1:
            raise UsageError("setting 'strides' must be a list of numbers from 1 on")
        shares = (self.tracked_share, self.filmed_share, self.synthetic_share)
        if not (min(shares) >= 0 and 0 < sum(shares) < inf):
            raise UsageError(
                "settings 'tracked_share', 'filmed_share' and 'synthetic_share' must not be below "
                "0, nor all 0"
            )

"""How inertia is trained: what is not data."""

from dataclasses import dataclass
from math import inf

from mvot_pipelines.training.settings import TrainingConfig
from mvot_plugin.errors import UsageError

__all__ = ["InertiaConfig"]


@dataclass(frozen=True, kw_only=True)
class InertiaConfig:
    """The schedule of ``mvot-train inertia``.

    Each of ``steps`` steps sees ``batch`` windows: shares of ``tracked`` ones, in which inertia is
    given the tracker's own boxes, of ``filmed`` ones, given the ground truth, and of ``invented``
    ones, all at every one of ``strides`` frames. A ``noisy`` share of the last two is given the
    tracker's errors. Inertia predicts ``ahead`` boxes in a row from its own predictions; those
    after the first weigh ``rollout`` in the loss. The learning rate rises over ``rise`` steps to
    ``rate`` and falls along a cosine to a hundredth of it. Every ``every`` steps the sequences in
    ``held_out`` decide whether the weights are the best so far. ``frames`` limits how many frames
    of each sequence are used.
    """

    steps: int = 6000
    batch: int = 256
    tracked: float = 0.5
    filmed: float = 0.3
    invented: float = 0.2
    noisy: float = 0.5
    strides: tuple[int, ...] = (1, 2, 3)
    ahead: int = 5
    rollout: float = 0.5
    rate: float = 2e-3
    rise: int = 200
    weight_decay: float = 5e-5
    every: int = 500
    seed: int = 0
    frames: int | None = None
    held_out: tuple[str, ...] = TrainingConfig.held_out

    def __post_init__(self) -> None:
        counts = {k: getattr(self, k) for k in ("steps", "batch", "ahead", "rise", "every")}
        for name, value in counts.items():
            if value < 1:
                raise UsageError(f"setting '{name}' must be 1 or more, got {value}")
        if not self.strides or min(self.strides) < 1:
            raise UsageError("setting 'strides' must be a list of numbers from 1 on")
        shares = (self.tracked, self.filmed, self.invented)
        if not (min(shares) >= 0 and 0 < sum(shares) < inf):
            raise UsageError(
                "settings 'tracked', 'filmed' and 'invented' are shares: none below 0, not all 0"
            )

"""How SiamFC and SiamMT are trained: what is not data."""

from dataclasses import dataclass, field

from mvot_pipelines.training.augment import SEARCH_PER_EXEMPLAR, Jitter
from mvot_pipelines.training.draw import Mixture
from mvot_pipelines.training.losses import PairLoss
from mvot_pipelines.training.pairs import Grade
from mvot_pipelines.training.settings import TrainingConfig
from mvot_plugin.errors import UsageError, unknown_name
from mvot_plugin.models.alexnet import CHANNELS
from mvot_plugin.models.efficientnet import STAGES

__all__ = ["CorrelationSchedule", "SiamFCSchedule", "SiamMTSchedule"]


@dataclass(frozen=True, kw_only=True)
class CorrelationSchedule:
    """The schedule of a network that correlates; its defaults are those of SiamFC from nothing.

    Each of ``steps`` steps sees ``batch`` pairs. The learning rate rises over ``rise`` steps to
    ``rate`` and falls along a cosine to a hundredth of it. The first ``frozen`` convolutions stay
    as they are. Where a ``teacher`` is named, an EfficientNet-Lite with ImageNet's weights, the
    features of search areas have to tell its features, too, a task that weighs ``teaching``.
    ``shift``, in sides of search areas, ``scale`` and ``aspect`` (logarithmic) say how far the
    areas are off.

    ``ema`` is the decay of the moving average, which is what is kept: the best one, as judged every
    ``validate_every`` steps by tracking through the first ``validation_frames`` of what is
    ``held_out``. ``streets`` scenes of our own are rendered in addition to the data.
    """

    channels: tuple[int, ...] = CHANNELS
    steps: int = 6000
    batch: int = 8
    rate: float = 1e-3
    rise: int = 200
    weight_decay: float = 1e-3
    frozen: int = 0
    teacher: str = "lite0"
    teaching: float = 1.0
    shift: float = 0.22
    scale: float = 0.06
    aspect: float = 0.03
    ema: float = 0.998
    validate_every: int = 1000
    validation_frames: int = 60
    seed: int = 0
    held_out: tuple[str, ...] = TrainingConfig.held_out
    streets: int = 6
    mixture: Mixture = field(
        default_factory=lambda: Mixture(
            crowds=0.4, weights={"clips": 0.4, "streets": 0.15, "stills": 0.12, "casts": 0.33}
        )
    )
    loss: PairLoss = field(default_factory=PairLoss)

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "rise", "validate_every"):
            if getattr(self, name) < 1:
                raise UsageError(f"setting '{name}' must be 1 or more, got {getattr(self, name)}")
        if not 0 <= self.frozen < len(CHANNELS):
            raise UsageError(f"setting 'frozen' must be 0 to {len(CHANNELS) - 1}")
        if self.teacher and self.teacher not in STAGES:
            raise unknown_name("teacher", self.teacher, STAGES)

    @property
    def jitter(self) -> Jitter:
        """How far search areas are off."""
        return Jitter(shift=self.shift, scale=self.scale, aspect=self.aspect)


@dataclass(frozen=True, kw_only=True)
class SiamFCSchedule(CorrelationSchedule):
    """``mvot-train siamfc``: image crops of 127 and 255 pixels, from nothing (SiamMT 3.1)."""

    @property
    def grade(self) -> Grade:
        """Images that the areas fill."""
        side = 127 * SEARCH_PER_EXEMPLAR
        return Grade(search=255, exemplar=127, low=side, high=side, jitter=self.jitter)


@dataclass(frozen=True, kw_only=True)
class SiamMTSchedule(CorrelationSchedule):
    """``mvot-train siammt``: SiamFC's weights fine-tuned behind the crop-and-resize (SiamMT 3.3).

    Frames are rescaled so that objects have sides (the root of their area) from ``smallest`` to
    ``largest`` pixels. Of windows at ``sizes``, relative to areas that are off, the right one shall
    be most alike: that weighs ``sizing``. SiamFC needs no such loss: its images are rescaled.
    """

    steps: int = 2000
    rate: float = 3e-4
    rise: int = 50
    frozen: int = 3
    teacher: str = ""
    scale: float = 0.1
    ema: float = 0.995
    smallest: float = 32.0
    largest: float = 80.0
    sizes: tuple[float, ...] = (0.84, 0.89, 0.945, 1.0, 1.06, 1.12, 1.19)
    sizing: float = 0.5

    @property
    def grade(self) -> Grade:
        """Images with the margins that a backbone without padding takes."""
        sides = [2 * size * SEARCH_PER_EXEMPLAR for size in (self.smallest, self.largest)]
        search, exemplar = (int(self.largest * n * 1.1) + 96 for n in (22 / 6, 1))
        return Grade(
            search=search, exemplar=exemplar, low=sides[0], high=sides[1], jitter=self.jitter
        )

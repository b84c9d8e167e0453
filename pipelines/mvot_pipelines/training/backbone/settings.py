"""How a backbone is taught: what is not data."""

from dataclasses import dataclass

from mvot_pipelines.training.settings import TrainingConfig
from mvot_plugin.errors import UsageError, unknown_name
from mvot_plugin.models.efficientnet import STAGES

__all__ = ["BackboneConfig"]


@dataclass(frozen=True, kw_only=True)
class BackboneConfig:
    """The schedule of ``mvot-train backbone``.

    A ResNet-18 of this ``width`` learns from the ``teacher``, an EfficientNet-Lite or, as the path
    of a weights file, a trained SiamMOTION network, which is imitated as a whole. Each of
    ``steps`` steps sees square crops of one of ``sizes``, in pixels: ``batch`` of them at 128, more
    of smaller and fewer of larger ones. A ``tiles`` share are Tiny ImageNet's photos, whose labels
    weigh ``labels`` in the loss; of the others a ``photos`` share are photos, and the rest frames.
    The learning rate rises over ``rise`` steps to ``rate`` and falls along a cosine to a hundredth
    of it. ``ema`` is the decay of the moving average, which is what is kept: the best one, as
    judged every ``validate_every`` steps on ``judged`` crops and tiles of what is ``held_out``:
    those sequences, every ``photos_apart``-th photo, and Tiny ImageNet's validation photos.
    """

    width: int = 64
    teacher: str = "lite0"
    steps: int = 4000
    batch: int = 32
    sizes: tuple[int, ...] = (96, 128, 160, 192, 256)
    tiles: float = 0.3
    photos: float = 0.6
    labels: float = 0.2
    rate: float = 2e-3
    rise: int = 200
    weight_decay: float = 0.02
    ema: float = 0.9995
    validate_every: int = 500
    judged: int = 1000
    photos_apart: int = 20
    seed: int = 0
    held_out: tuple[str, ...] = TrainingConfig.held_out

    def __post_init__(self) -> None:
        names = ("width", "steps", "batch", "rise", "validate_every", "judged")
        for name in names:
            if getattr(self, name) < 1:
                raise UsageError(f"setting '{name}' must be 1 or more, got {getattr(self, name)}")
        if self.photos_apart < 2:
            raise UsageError(f"setting 'photos_apart' must be 2 or more, got {self.photos_apart}")
        if not self.sizes or any(size % 32 or not 64 <= size <= 256 for size in self.sizes):
            raise UsageError("setting 'sizes' must be a list of multiples of 32 from 64 to 256")
        if not (0 <= self.tiles < 1 and 0 <= self.photos <= 1):
            raise UsageError("settings 'tiles' and 'photos' are shares, from 0 to 1")
        if self.teacher not in STAGES and not self.teacher.endswith(".safetensors"):
            raise unknown_name("teacher", self.teacher, STAGES)

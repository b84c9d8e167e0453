"""How the network is trained: what is not data."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mvot_pipelines.config import build
from mvot_pipelines.training.draw import Mixture
from mvot_pipelines.training.losses import PairLoss
from mvot_plugin.errors import unknown_name
from mvot_plugin.models.siammotion import PRESETS, SiamMotionConfig

__all__ = ["TrainingConfig"]


@dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """The network and the schedule of ``mvot-train siammotion``.

    ``network`` changes the preset's network, by the names of ``SiamMotionConfig``.
    Each of ``steps`` steps sees ``batch`` pairs of one pyramid level, drawn by ``levels``' shares;
    images of the upper levels are large, so their batches are halved. ``across`` is the share whose
    exemplars come from the level above or below. The learning rate rises over
    ``rise`` steps to ``rate``, and falls along a cosine to a hundredth of it; that of the last
    ``thawed`` levels of the backbone is ``backbone_rate`` of it, after a first ``frozen`` share of
    the steps in which all of the backbone stays as it is, as the levels before them always do.
    ``ema`` is the decay of the moving average of all weights, which is what is kept: the best one,
    as judged every ``validate_every`` steps by tracking through the first ``validation_frames`` of
    what is ``held_out``. ``streets`` scenes of our own are rendered in addition to the data.
    """

    preset: str = "siammotion-n"
    network: Mapping[str, Any] = field(default_factory=dict)
    steps: int = 20_000
    batch: int = 32
    levels: tuple[float, ...] = (0.25, 0.45, 0.25, 0.05)
    across: float = 0.3
    rate: float = 1e-3
    rise: int = 200
    backbone_rate: float = 0.1
    frozen: float = 0.2
    thawed: int = 2
    weight_decay: float = 5e-5
    ema: float = 0.9998
    validate_every: int = 1000
    validation_frames: int = 80
    seed: int = 0
    held_out: tuple[str, ...] = ("DAVIS_camel", "OTB_Crossing", "OTB_Dog", "OTB_Man")
    streets: int = 16
    mixture: Mixture = field(default_factory=Mixture)
    loss: PairLoss = field(default_factory=PairLoss)

    def architecture(self) -> SiamMotionConfig:
        """The preset's network as ``network`` changes it.

        Raises ``UsageError`` for an unknown preset or setting, naming the nearest, and for a value
        of the wrong type.
        """
        if self.preset not in PRESETS:
            raise unknown_name("preset", self.preset, PRESETS)
        settings = {**vars(PRESETS[self.preset]), **self.network}
        return build(SiamMotionConfig, settings, prefix="network.")

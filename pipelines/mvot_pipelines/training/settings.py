"""How the network is trained: what is not data."""

from dataclasses import dataclass, field

from mvot_pipelines.training.draw import Mixture
from mvot_pipelines.training.losses import PairLoss

__all__ = ["TrainingConfig"]


@dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """The schedule of ``mvot-train siammotion``.

    Each of ``steps`` steps sees ``batch`` pairs of one pyramid level, drawn by ``levels``' shares;
    images of the upper levels are large, so their batches are halved. The learning rate rises over
    ``rise`` steps to ``rate``, and falls along a cosine to a hundredth of it; that of the last
    ``thawed`` levels of the backbone is ``backbone_rate`` of it, after a first ``frozen`` share of
    the steps in which all of the backbone stays as it is, as the levels before them always do.
    ``ema`` is the decay of the moving average of all weights, which is what is kept: the best one,
    as judged every ``validate_every`` steps by tracking through the first ``validation_frames`` of
    what is ``held_out``. ``streets`` scenes of our own are rendered in addition to the data.
    """

    preset: str = "siammotion-n"
    steps: int = 20_000
    batch: int = 32
    levels: tuple[float, ...] = (0.25, 0.45, 0.25, 0.05)
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

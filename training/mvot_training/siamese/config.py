"""The training settings of ``mvot-train siamese``."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from mvot_plugin.config import build_config
from mvot_plugin.engines.table import ENGINES
from mvot_plugin.errors import UsageError, unknown_name
from mvot_plugin.models.siamese.config import SiameseConfig
from mvot_training.config import TrainingConfig, check_counts
from mvot_training.pairs.config import SamplingConfig

__all__ = ["SYSTEMS", "SiameseLossConfig", "SiameseTrainingConfig"]

SYSTEMS = ("siammot-emm", "siammot-imm", "imsiam", "siamattn")
"""The engines whose networks this stage trains."""


@dataclass(frozen=True, kw_only=True)
class SiameseLossConfig:
    """The weights of the parts of the papers' losses."""

    region: float = 1.0
    """SiamMOT: of the regression of boxes, against the focal loss (Eqs. 3 and 6)."""
    regression: float = 1.2
    """IMSiam: of the IoU loss, λ1 of Eq. 15."""
    centerness: float = 0.5
    """IMSiam: of centre-ness, λ2 of Eq. 15."""
    iou: float = 0.5
    """IMSiam: of the predicted IoU, λ3 of Eq. 15."""
    refinement: float = 1.0
    """SiamAttn: of the smooth L1 of refined boxes; λ2 of Eq. 5 is 0.2 there, of a sum."""
    masks: float = 1.0
    """SiamAttn: of the cross-entropy of masks; λ3 of Eq. 5 is 0.1 there, of a sum."""
    regions: int = 3
    """SiamAttn: regions of each pair that are refined; 16 in 4.2."""


@dataclass(frozen=True, kw_only=True)
class SiameseTrainingConfig(TrainingConfig):
    """The schedule of ``mvot-train siamese``, and what is learnt."""

    engines: tuple[str, ...] = SYSTEMS
    """The engines whose networks are trained, all on the same pairs and the same backbone."""
    networks: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Changes of the networks, by engine, by the names of their configs."""
    steps: int = 6000
    """Training steps in total."""
    batch: int = 32
    """Pairs per training step."""
    shares: Mapping[str, float] = field(default_factory=lambda: {"siamattn": 0.5})
    """The share of each batch that an engine's network is trained on, by engine, half of them
    with masks; others get all: SiamAttn takes as long as the other three together."""
    draws: Mapping[str, int] = field(default_factory=dict)
    """The search areas that are drawn of each pair, by engine; one of others. IMM, an MLP, learns
    from many, and they cost it little."""
    zooms: tuple[float, ...] = (0.5, 0.444)
    """Pixels that the network sees of an object, against those of its exemplar in 127 pixels; the
    steps take them in turn. SiamMOT, whose search areas are smaller, sees half as many again."""
    learning_rate: float = 2e-3
    """The highest learning rate."""
    backbone_rate_factor: float = 0.0
    """The learning rate of the backbone, as a share of the others'; at 0 it stays as it is."""
    weight_decay: float = 1e-3
    """Weight decay of AdamW."""
    ema_decay: float = 0.998
    """Decay per step of the moving average of all weights."""
    validate_every: int = 2000
    """Steps between validations."""
    validation_frames: int = 40
    """Frames at the start of each held-out sequence to track through in a validation."""
    synthetic_scenes: int = 16
    """Street scenes that are rendered in addition to the data."""
    sampling: SamplingConfig = field(
        default_factory=lambda: SamplingConfig(masks=True, background_share=0.05)
    )
    """Which kinds of pairs are sampled, and how often: SiamMOT's positive, hard and negative ones
    are those without, ``negative_share`` and ``background_share``."""
    loss: SiameseLossConfig = field(default_factory=SiameseLossConfig)
    """The losses of a batch of pairs."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in (*self.engines, *self.networks, *self.shares, *self.draws):
            if name not in SYSTEMS:
                raise unknown_name("engine of this stage", name, SYSTEMS)
        if not self.engines:
            raise UsageError("setting 'engines' must name one or more engines")
        if not self.zooms or not all(0.1 <= zoom <= 2 for zoom in self.zooms):
            raise UsageError("setting 'zooms' must list numbers from 0.1 to 2")
        for name, share in self.shares.items():
            if not 0 < share <= 1:
                raise UsageError(f"setting 'shares.{name}' must be above 0, up to 1, got {share}")
        for name, count in self.draws.items():
            if count < 1:
                raise UsageError(f"setting 'draws.{name}' must be 1 or more, got {count}")
        check_counts(self.loss, ("regions",), prefix="loss.")
        if len({self.architecture(name).backbone for name in self.engines}) > 1:
            raise UsageError("all networks that are trained together must have the same backbone")

    def architecture(self, engine: str) -> SiameseConfig:
        """An engine's network as ``networks`` changes it; ``UsageError`` for an unknown setting."""
        entry = ENGINES[engine].network
        assert entry is not None
        preset = import_module(entry.presets).PRESETS[engine]
        settings = {**vars(preset), **self.networks.get(engine, {})}
        config: SiameseConfig = build_config(type(preset), settings, prefix=f"networks.{engine}.")
        return config

"""The settings of a pipeline."""

from dataclasses import dataclass, field
from typing import Literal, TypeAlias, get_args

from mvot_pipelines.tracking.config import LateConfig
from mvot_plugin.association.associator import AssociationConfig
from mvot_plugin.association.siammot import SiamMotSolverConfig
from mvot_plugin.config import Positive

__all__ = ["SOLVERS", "PipelineConfig", "SolverName"]

SolverName: TypeAlias = Literal["affinity", "siammot"]
SOLVERS: tuple[SolverName, ...] = get_args(SolverName)
"""The names of the solvers; the first is the default."""


@dataclass(frozen=True, kw_only=True)
class PipelineConfig(AssociationConfig):
    """How the engine's motion and the detections are merged; the defaults hold for any ``k``.

    Raises:
        UsageError: for a setting out of range.

    Examples:
        >>> from mvot_pipelines import MotPipeline, PipelineConfig
        >>> from mvot_plugin.association.affinity import AffinityConfig
        >>> per_class = PipelineConfig(affinity=AffinityConfig(other_class=0.0))
        >>> tracker = MotPipeline(engine="lk-flow", config=per_class)
        >>> tracker.config.affinity.other_class, tracker.config.solver
        (0.0, 'affinity')
    """

    solver: SolverName = "affinity"
    """What merges them: affinity is our own merging, by the settings above; siammot is SiamMOT's
    online solver, which knows no appearance, no course and no camera: of the settings above, only
    max_detections is its own too."""
    siammot: SiamMotSolverConfig = field(default_factory=SiamMotSolverConfig)
    """How SiamMOT's online solver merges."""
    on_detector_error: Literal["fail", "coast"] = "fail"
    """Where the detector fails: end the run (fail), or track by the engine alone (coast)."""
    detector_timeout: Positive = 30.0
    """Seconds after which a detector that runs beside the tracker is taken to have failed; loading
    it in a process of its own counts."""
    late: LateConfig = field(default_factory=LateConfig)
    """How answers of a detector that runs beside the tracker are merged."""

    @property
    def compares_appearance(self) -> bool:
        """Whether the solver looks at the embeddings of detections."""
        return self.solver == "affinity" and self.appearance.weight > 0

"""Solvers, which merge detections and motion: their interface, and the choice of one."""

from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Int64

from mvot_pipelines.pipeline_config import PipelineConfig
from mvot_plugin.association.associator import Associator, Merge
from mvot_plugin.association.siammot import SiamMotSolver
from mvot_plugin.engines.base import Motion
from mvot_plugin.types import Detections, Frame, Tracks

__all__ = ["Solver", "build_solver"]


@runtime_checkable
class Solver(Protocol):
    """Merges detections and motion, and knows the trajectories of one video."""

    @property
    def ids(self) -> Int64[np.ndarray, " n"]:
        """The id of each trajectory, reported or not, in the rows of the engine's targets."""
        ...

    def tracks(self) -> Tracks:
        """The tracks to report on the last frame."""
        ...

    def fork(self) -> "Solver":
        """A second one in the same state; only one of the two may merge from here on."""
        ...

    def coast(self, frame: Frame, motion: Motion) -> Bool[np.ndarray, " n"]:
        """Move N targets on a frame without detections; returns which of them continue."""
        ...

    def merge(self, frame: Frame, motion: Motion, detections: Detections) -> Merge:
        """Merge the motion of N targets with the M detections of a frame."""
        ...


def build_solver(config: PipelineConfig) -> Solver:
    """The solver that the settings name, for one video."""
    if config.solver == "siammot":
        return SiamMotSolver(config.siammot, config.max_detections)
    return Associator(config)

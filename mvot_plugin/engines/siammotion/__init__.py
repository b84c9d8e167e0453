"""`siammotion`: the engine of SiamMOTION, and what it knows of frames and targets."""

from mvot_plugin.engines.siammotion.engine import SiamMotionEngine
from mvot_plugin.engines.siammotion.targets import SiamMotionObservation, SiamMotionTargets

__all__ = ["SiamMotionEngine", "SiamMotionObservation", "SiamMotionTargets"]

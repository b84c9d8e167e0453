"""`siammotion`: the engine of SiamMOTION, and what it knows of its targets."""

from mvot_plugin.engines.siammotion.engine import SiamMotionEngine
from mvot_plugin.engines.siammotion.penalisation import Penalisation
from mvot_plugin.engines.siammotion.targets import SiamMotionTargets

__all__ = ["Penalisation", "SiamMotionEngine", "SiamMotionTargets"]

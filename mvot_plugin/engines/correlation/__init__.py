"""SiamFC and SiamMT: one correlation, two ways to come to features."""

from mvot_plugin.engines.correlation.siamfc import SiamFCEngine
from mvot_plugin.engines.correlation.siammt import SiamMTEngine

__all__ = ["SiamFCEngine", "SiamMTEngine"]

"""SiamFC and SiamMT: the same correlation, of features of crops or of whole frames."""

from mvot_plugin.engines.correlation.siamfc import SiamFCEngine
from mvot_plugin.engines.correlation.siammt import SiamMTEngine

__all__ = ["SiamFCEngine", "SiamMTEngine"]

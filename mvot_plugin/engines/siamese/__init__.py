"""The engines of SiamMOT, IMSiam and SiamAttn: one search, with each one's network."""

from mvot_plugin.engines.siamese.engine import SiameseEngine
from mvot_plugin.engines.siamese.siamattn import SiamAttnEngine
from mvot_plugin.engines.siamese.targets import SiameseTargets

__all__ = ["SiamAttnEngine", "SiameseEngine", "SiameseTargets"]

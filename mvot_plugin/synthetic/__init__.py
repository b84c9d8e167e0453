"""Seeded street scenes with exact ground truth, and a detector that errs on them as asked."""

from mvot_plugin.synthetic.detections import NoisyDetector
from mvot_plugin.synthetic.scene import Scene, Truth
from mvot_plugin.synthetic.street import street

__all__ = ["NoisyDetector", "Scene", "Truth", "street"]

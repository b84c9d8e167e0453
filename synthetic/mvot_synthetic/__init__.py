"""Seeded street scenes with exact ground truth, and a detector with adjustable errors."""

from mvot_synthetic.detections import NoisyDetector
from mvot_synthetic.scene import Scene, SceneGroundTruth
from mvot_synthetic.street import street

__all__ = ["NoisyDetector", "Scene", "SceneGroundTruth", "street"]

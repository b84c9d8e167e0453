"""Track many objects in video in real time, with a detector on every k-th frame only.

    engine = load_engine("lk-flow")
    observation = engine.observe(frame)                      # once per frame
    targets = engine.enroll(observation, boxes)              # after a detector call
    targets, motion = engine.track(observation, targets)     # between detector calls

The whole pipeline around an engine is ``mvot_pipelines.MotPipeline``.
"""

from mvot_plugin.detectors import Detector, as_detections, load_detector
from mvot_plugin.engines import Motion, MotionEngine, Targets, engine_names, load_engine
from mvot_plugin.errors import InputError, MvotError, OutputError, UsageError
from mvot_plugin.types import Detections, Frame, Tracks

__all__ = [
    "Detections",
    "Detector",
    "Frame",
    "InputError",
    "Motion",
    "MotionEngine",
    "MvotError",
    "OutputError",
    "Targets",
    "Tracks",
    "UsageError",
    "as_detections",
    "engine_names",
    "load_detector",
    "load_engine",
]

"""What a stream tracks with."""

from dataclasses import dataclass
from typing import Any

from mvot_pipelines.serve import Page
from mvot_plugin.detectors import Detector
from mvot_plugin.embedders import Embedder
from mvot_plugin.engines.base import MotionEngine

__all__ = ["Parts"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Parts:
    """What holds nothing of a video, so that streams can share it."""

    engine: MotionEngine[Any, Any]
    """Moves the targets."""
    embedder: Embedder | None
    """Describes how detections look."""
    detector: Detector
    """Detects; where it is a ``SharedDetector``, streams take turns."""
    detector_name: str
    """The detector's name, for reports."""
    page: Page | None = None
    """The page that shows streams, if there is one."""

"""Drawing over frames: tracks with their masks, boxes, labels and trails; counts; a legend."""

from mvot_pipelines.sinks.overlay.painter import Painter
from mvot_pipelines.sinks.overlay.tracks import draw_tracks

__all__ = ["Painter", "draw_tracks"]

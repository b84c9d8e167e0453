"""`nanotrack`: NanoTrack v2 over whole frames, and its published networks."""

from mvot_plugin.engines.nanotrack.engine import NanoTrackEngine
from mvot_plugin.engines.nanotrack.targets import NanoTrackTargets

__all__ = ["NanoTrackEngine", "NanoTrackTargets"]

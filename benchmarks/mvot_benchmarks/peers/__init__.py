"""Trackers of other projects to compare with.

OpenCV's NanoTrack is a motion engine in our pipeline; norfair and ByteTrack are trackers of their
own (``PeerTracker``). Each has a module here; its package is imported when the tracker is built.
"""

from collections.abc import Callable, Mapping
from importlib import import_module

from mvot_benchmarks.peers.base import PeerConfig, PeerTracker, missing_package_message
from mvot_benchmarks.peers.bytetrack import ByteTrackPeer
from mvot_benchmarks.peers.norfair import NorfairPeer
from mvot_benchmarks.peers.opencv_nano import OPENCV_NANO, OpenCVNanoEngine

__all__ = ["OPENCV_NANO", "TRACKERS", "OpenCVNanoEngine", "PeerTracker", "find_missing"]

TRACKERS: Mapping[str, tuple[str, Callable[[PeerConfig], PeerTracker]]] = {
    "norfair": ("norfair", NorfairPeer),
    "bytetrack": ("trackers", ByteTrackPeer),
}
"""By name: the package that a tracker needs, and the function that builds it."""


def find_missing() -> dict[str, str]:
    """The trackers whose packages are not installed, with what is missing."""
    reasons = {name: _missing_reason(package) for name, (package, _) in TRACKERS.items()}
    return {name: reason for name, reason in reasons.items() if reason}


def _missing_reason(package: str) -> str:
    """Why a package cannot be imported; empty if it can."""
    try:
        import_module(package)
    except ImportError as error:
        return missing_package_message(package, error)
    return ""

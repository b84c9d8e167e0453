"""Trackers to compare with: those of other projects, and the plain one that a user writes himself.

OpenCV's NanoTrack is a motion engine in our pipeline; norfair, ByteTrack and ``lk-hungarian`` are
trackers of their own (``PeerTracker``). Each has a module here; what it needs of another package is
imported when the tracker is built.
"""

from collections.abc import Callable, Mapping
from importlib import import_module

from mvot_benchmarks.peers.base import PeerConfig, PeerTracker, missing_package_message
from mvot_benchmarks.peers.bytetrack import ByteTrackPeer
from mvot_benchmarks.peers.lk_hungarian import LKHungarianPeer
from mvot_benchmarks.peers.norfair import NorfairPeer
from mvot_benchmarks.peers.opencv_nano import OPENCV_NANO, OpenCVNanoEngine

__all__ = ["OPENCV_NANO", "TRACKERS", "OpenCVNanoEngine", "PeerTracker", "find_missing"]

TRACKERS: Mapping[str, tuple[str | None, Callable[[PeerConfig], PeerTracker]]] = {
    "lk-hungarian": (None, LKHungarianPeer),
    "norfair": ("norfair", NorfairPeer),
    "bytetrack": ("trackers", ByteTrackPeer),
}
"""By name: the package that a tracker needs besides ours, and the function that builds it."""


def find_missing() -> dict[str, str]:
    """The trackers whose packages are not installed, with what is missing."""
    packages = {name: package for name, (package, _) in TRACKERS.items() if package is not None}
    reasons = {name: _missing_reason(package) for name, package in packages.items()}
    return {name: reason for name, reason in reasons.items() if reason}


def _missing_reason(package: str) -> str:
    """Why a package cannot be imported; empty if it can."""
    try:
        import_module(package)
    except ImportError as error:
        return missing_package_message(package, error)
    return ""

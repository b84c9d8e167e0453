"""What a user would take instead of us, each behind the smallest contract that it fits.

OpenCV's NanoTrack is a motion engine in our pipeline; norfair and ByteTrack are trackers of their
own (``PeerTracker``). Each has a file, and is imported when it is built, not before.
"""

from collections.abc import Callable, Mapping
from importlib import import_module

from mvot_benchmarks.peers.base import Given, PeerTracker, needed
from mvot_benchmarks.peers.bytetrack import ByteTrackPeer
from mvot_benchmarks.peers.nanotrack import NanoTrackEngine
from mvot_benchmarks.peers.norfair import NorfairPeer

__all__ = ["TRACKERS", "NanoTrackEngine", "PeerTracker", "absent"]

TRACKERS: Mapping[str, tuple[str, Callable[[Given], PeerTracker]]] = {
    "norfair": ("norfair", NorfairPeer),
    "bytetrack": ("trackers", ByteTrackPeer),
}
"""By name, the package that a tracker needs, and what builds it."""


def absent() -> dict[str, str]:
    """The trackers that cannot be built here, and why."""
    reasons = {name: _lack_of(package) for name, (package, _) in TRACKERS.items()}
    return {name: reason for name, reason in reasons.items() if reason}


def _lack_of(package: str) -> str:
    try:
        import_module(package)
    except ImportError as error:
        return needed(package, error)
    return ""

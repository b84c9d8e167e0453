"""The interface that another project's tracker is wrapped in for a comparison."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from mvot_plugin.types import Detections, Frame, Tracks

__all__ = ["PeerConfig", "PeerTracker", "missing_package_message"]


@dataclass(frozen=True, kw_only=True)
class PeerConfig:
    """What a tracker is built for."""

    k: int
    """The detector runs on every k-th frame."""
    frame_rate: float
    """In frames per second."""
    has_detector_scores: bool
    """Whether confidences are a detector's own.

    Those of a ``det.txt`` are rescaled to 0..1, where thresholds meant for detectors do not apply.
    """


@runtime_checkable
class PeerTracker(Protocol):
    """Tracks one video from detections on every k-th frame."""

    def step(self, frame: Frame, detections: Detections | None) -> Tracks:
        """The tracks on the next frame; ``detections`` are None where the detector did not run."""
        ...


_INSTALL = {
    "trackers": "pip install 'mvot-plugin[peers]'",
    "norfair": "pip install --no-deps norfair rich, as it asks for numpy 1 but works with 2",
}


def missing_package_message(package: str, error: ImportError) -> str:
    """The message for a package that cannot be imported, with how to install it."""
    return f"needs the package {package} ({error}): {_INSTALL[package]}"

"""What a tracker of somebody else has to do to be compared."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from mvot_plugin.types import Detections, Frame, Tracks

__all__ = ["Given", "PeerTracker", "needed"]


@dataclass(frozen=True, kw_only=True)
class Given:
    """What a tracker is told before the first frame: k, and the frames a second.

    ``scored`` says whether confidences are a detector's own; those of a ``det.txt`` are stretched
    from the file's scale to 0..1, where thresholds made for detectors mean nothing.
    """

    k: int
    frame_rate: float
    scored: bool


@runtime_checkable
class PeerTracker(Protocol):
    """Gives tracks for each frame, from detections on every k-th; one is built for each video."""

    def step(self, frame: Frame, detections: Detections | None) -> Tracks:
        """The tracks on the next frame; ``detections`` are None where the detector did not run."""
        ...


_INSTALL = {
    "trackers": "pip install 'mvot-plugin[peers]'",
    "norfair": "pip install --no-deps norfair rich, as it asks for numpy 1 but works with 2",
}


def needed(package: str, error: ImportError) -> str:
    """What to say where a package is missing, or lacks what it needs itself."""
    return f"needs the package {package} ({error}): {_INSTALL[package]}"

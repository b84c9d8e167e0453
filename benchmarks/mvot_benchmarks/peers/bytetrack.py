"""ByteTrack of Roboflow's ``trackers``: Kalman filters, confident detections matched first."""

from dataclasses import replace
from importlib import import_module

import numpy as np

from mvot_benchmarks.peers.base import PeerConfig, missing_package_message
from mvot_plugin.errors import UsageError
from mvot_plugin.types import Detections, Frame, Tracks

__all__ = ["ByteTrackPeer"]

_BUFFER = 30
"""The default of ``lost_track_buffer``: how long a lost track is kept, in 30ths of a second."""


class ByteTrackPeer:
    """``ByteTrackTracker.update(detections, timestamp=...)`` after a detection, and only then.

    The timestamp gives its filters the time that has passed. It returns detections, not estimates,
    so the last boxes are held on the frames between. Settings are its defaults, except that a lost
    track is kept k times as long: for as many detector calls as without skipping. Confidences
    that are not a detector's own are left out; it then treats all detections as confident.

    Raises ``UsageError`` where ``trackers`` is not installed.
    """

    def __init__(self, config: PeerConfig) -> None:
        try:
            self._supervision = import_module("supervision")
            library = import_module("trackers")
        except ImportError as error:
            raise UsageError(f"bytetrack {missing_package_message('trackers', error)}") from error
        self._tracker = library.ByteTrackTracker(
            frame_rate=config.frame_rate, lost_track_buffer=_BUFFER * config.k
        )
        self._has_detector_scores = config.has_detector_scores
        self._held = Tracks.empty()

    def step(self, frame: Frame, detections: Detections | None) -> Tracks:
        """The detections with their ids; between detector calls, those of the last call."""
        if detections is None:
            return replace(self._held, detected=np.zeros(len(self._held), np.bool_))
        tracked = self._tracker.update(
            self._supervision.Detections(
                xyxy=detections.xyxy,
                confidence=detections.confidence if self._has_detector_scores else None,
                class_id=detections.class_id,
            ),
            timestamp=frame.timestamp,
        )
        tracked = tracked[tracked.tracker_id >= 0]  # -1 are not confirmed yet
        if not len(tracked):
            self._held = Tracks.empty()
            return self._held
        ones = np.ones(len(tracked), np.float32)
        self._held = Tracks(
            id=tracked.tracker_id + 1,
            xyxy=tracked.xyxy,
            score=ones if tracked.confidence is None else tracked.confidence,
            class_id=tracked.class_id,
            detected=np.ones(len(tracked), np.bool_),
        )
        return self._held

"""ByteTrack as in Roboflow's ``trackers``: Kalman filters, sure and doubtful detections in turn."""

from dataclasses import replace
from importlib import import_module

import numpy as np

from mvot_benchmarks.peers.base import Given, needed
from mvot_plugin.errors import UsageError
from mvot_plugin.types import Detections, Frame, Tracks

__all__ = ["ByteTrackPeer"]

_BUFFER = 30
"""The default of ``lost_track_buffer``: for how long a lost track lives, in 30ths of a second."""


class ByteTrackPeer:
    """``ByteTrackTracker.update(detections, timestamp=...)`` after a detection, and only then.

    The timestamp tells its filters how much time has passed. It answers with detections, not with
    estimates, so on the frames between the last boxes are held. Settings are its defaults, but that
    a lost track lives k times as long: for as many detections as without skipping. Where
    confidences are no detector's own it is given none, which it takes as all sure.

    Raises ``UsageError`` where ``trackers`` is not installed.
    """

    def __init__(self, given: Given) -> None:
        try:
            self._supervision = import_module("supervision")
            library = import_module("trackers")
        except ImportError as error:
            raise UsageError(f"bytetrack {needed('trackers', error)}") from error
        self._tracker = library.ByteTrackTracker(
            frame_rate=given.frame_rate, lost_track_buffer=_BUFFER * given.k
        )
        self._scored = given.scored
        self._held = Tracks.empty()

    def step(self, frame: Frame, detections: Detections | None) -> Tracks:
        """The detections with an identity, or without new ones the last of these as they were."""
        if detections is None:
            return replace(self._held, detected=np.zeros(len(self._held), np.bool_))
        found = self._tracker.update(
            self._supervision.Detections(
                xyxy=detections.xyxy,
                confidence=detections.confidence if self._scored else None,
                class_id=detections.class_id,
            ),
            timestamp=frame.timestamp,
        )
        found = found[found.tracker_id >= 0]  # -1 are not confirmed yet
        if not len(found):
            self._held = Tracks.empty()
            return self._held
        sure = np.ones(len(found), np.float32)
        self._held = Tracks(
            id=found.tracker_id + 1,
            xyxy=found.xyxy,
            score=sure if found.confidence is None else found.confidence,
            class_id=found.class_id,
            detected=np.ones(len(found), np.bool_),
        )
        return self._held

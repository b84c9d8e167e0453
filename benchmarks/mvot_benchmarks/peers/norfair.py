"""norfair (Tryolabs): Kalman filters on box corners, with detector skipping in its API."""

from importlib import import_module

import numpy as np

from mvot_benchmarks.peers.base import PeerConfig, missing_package_message
from mvot_plugin.errors import UsageError
from mvot_plugin.types import Detections, Frame, Tracks

__all__ = ["NorfairPeer"]

_TRACKER_OPTIONS = {
    "distance_function": "iou",
    "distance_threshold": 0.9,
    "initialization_delay": 4,
    "pointwise_hit_counter_max": 3,
}
_HIT_COUNTER_MAX = 8


class NorfairPeer:
    """``Tracker.update(detections, period=k)`` after a detection, ``update()`` on other frames.

    The settings are those of norfair's own script for the MOTChallenge, motmetrics4norfair.py,
    with which it tracks better here than with its defaults. Three differ: an object is kept k
    times as long without a detection, since at k above 8 none would last to the next one; the
    score threshold is the detector's; and camera motion is not estimated. Objects without a live
    point, which norfair calls stale and advises to ignore, are left out.

    Raises ``UsageError`` where norfair is not installed.
    """

    def __init__(self, config: PeerConfig) -> None:
        try:
            self._norfair = import_module("norfair")
        except ImportError as error:
            raise UsageError(f"norfair {missing_package_message('norfair', error)}") from error
        self._k = config.k
        filters = import_module("norfair.filter").FilterPyKalmanFilterFactory()
        self._tracker = self._norfair.Tracker(
            filter_factory=filters, hit_counter_max=_HIT_COUNTER_MAX * config.k, **_TRACKER_OPTIONS
        )

    def step(self, frame: Frame, detections: Detections | None) -> Tracks:
        """The live objects; ``detected`` are those that a detection was matched to."""
        if detections is None:
            norfair_detections, objects = [], self._tracker.update()
        else:
            columns = zip(
                detections.xyxy, detections.confidence, detections.class_id.tolist(), strict=True
            )
            norfair_detections = [
                self._norfair.Detection(
                    points=box.reshape(2, 2), scores=np.full(2, confidence), label=class_id
                )
                for box, confidence, class_id in columns
            ]
            objects = self._tracker.update(detections=norfair_detections, period=self._k)
        objects = [one for one in objects if one.live_points.any()]
        fresh = set(map(id, norfair_detections))
        boxes = np.array([one.estimate for one in objects], np.float32).reshape(-1, 4)
        return Tracks(
            id=np.array([one.id for one in objects], np.int64),
            xyxy=boxes,
            score=np.array([one.last_detection.scores[0] for one in objects], np.float32),
            class_id=np.array([one.label for one in objects], np.int64),
            detected=np.array([id(one.last_detection) in fresh for one in objects], np.bool_),
        )

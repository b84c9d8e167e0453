"""What the tests of the lifecycle share: targets that the engine and a detector tell of."""

import numpy as np

from mvot_plugin.affinity import AffinityConfig, affinity
from mvot_plugin.assignment import assign
from mvot_plugin.engines.base import Motion
from mvot_plugin.lifecycle import Lifecycle, LifecycleConfig
from mvot_plugin.trajectories import State
from mvot_plugin.types import Detections

SIZE = 640, 480
A = (100.0, 100.0, 140.0, 200.0)
B = (300.0, 100.0, 340.0, 200.0)
C = (500.0, 100.0, 540.0, 200.0)
SHORT, LONG = 0.2, 1.0


def life(**settings):
    return Lifecycle(LifecycleConfig(**settings))


def still(cycle, score=1.0, shift=0.0):
    """The engine's answer that every trajectory moved by ``shift`` to the right."""
    boxes = cycle.trajectories.boxes + np.array([shift, 0, shift, 0], np.float32)
    return Motion(boxes=boxes, scores=np.full(len(boxes), score, np.float32))


def detect(cycle, time, *boxes, score=1.0, shift=0.0, confidence=1.0, class_id=0):
    """A detector frame on which these boxes are found; the ids that are reported."""
    motion = still(cycle, score, shift)
    found = Detections.of(boxes, confidence=confidence, class_id=class_id)
    fit = affinity(motion, cycle.trajectories.class_id, found, AffinityConfig())
    cycle.update(motion, found, assign(fit, 0.1), time, SIZE)
    return cycle.tracks().id.tolist()


def coast(cycle, time, score=1.0, shift=0.0):
    """A frame without detector; the ids that are reported."""
    cycle.coast(still(cycle, score, shift), time, SIZE)
    return cycle.tracks().id.tolist()


def times(count, step=SHORT, start=0.0):
    return [start + step * i for i in range(count)]


def known(cycle, step=SHORT, hits=8):
    """Box A detected so many times in a row; the time of the last."""
    for time in times(hits, step):
        assert detect(cycle, time, A) == [1]
    return time


def state(cycle, identity=1):
    return State(cycle.trajectories.state[cycle.trajectories.id == identity].item())

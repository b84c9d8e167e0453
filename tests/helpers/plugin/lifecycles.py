"""Driving a lifecycle with motions and detections, for its tests."""

import numpy as np

from mvot_plugin.association.affinity import AffinityConfig, compute_affinity
from mvot_plugin.association.assignment import assign
from mvot_plugin.association.confidence import Grades
from mvot_plugin.association.lifecycle import Lifecycle, LifecycleConfig
from mvot_plugin.association.trajectories import State
from mvot_plugin.engines.base import Motion
from mvot_plugin.types import Detections

SIZE = 640, 480
A = (100.0, 100.0, 140.0, 200.0)
B = (300.0, 100.0, 340.0, 200.0)
C = (500.0, 100.0, 540.0, 200.0)
SHORT, LONG = 0.2, 1.0


def create_lifecycle(**settings):
    return Lifecycle(LifecycleConfig(**settings))


def shifted_motion(cycle, score=1.0, shift=0.0):
    """The motion of all trajectories by ``shift`` pixels to the right."""
    boxes = cycle.trajectories.boxes + np.array([shift, 0, shift, 0], np.float32)
    return Motion(boxes=boxes, scores=np.full(len(boxes), score, np.float32))


def detect(cycle, time, *boxes, score=1.0, shift=0.0, confidence=1.0, class_id=0, weight=1.0):
    """Update on a frame with these detections; returns the reported ids."""
    motion = shifted_motion(cycle, score, shift)
    found = Detections.of(boxes, confidence=confidence, class_id=class_id)
    course, classes = cycle.predict_courses(None, time), cycle.trajectories.class_id
    match = assign(compute_affinity(motion, course, classes, found, AffinityConfig()), 0.1)
    update(cycle, time, motion, found, match, weight)
    return cycle.tracks().id.tolist()


def update(cycle, time, motion, found, match, weight=1.0):
    """Update on a frame with this match, and start what it leaves; returns alive and births."""
    sure = np.full(len(found), weight >= 1)
    grades = Grades(sure=sure, may_start=sure, weight=np.full(len(found), weight, np.float64))
    alive = cycle.update(motion, found, match, grades, time, SIZE)
    births = cycle.select_births(found, match, grades)
    cycle.start(found[births], time)
    return alive, births


def coast(cycle, time, score=1.0, shift=0.0):
    """Update on a frame without detector; returns the reported ids."""
    cycle.coast(shifted_motion(cycle, score, shift), time, SIZE)
    return cycle.tracks().id.tolist()


def times(count, step=SHORT, start=0.0):
    """``count`` times in seconds, ``step`` apart."""
    return [start + step * i for i in range(count)]


def establish_track(cycle, step=SHORT, hits=8):
    """Detect box A so many times in a row; returns the time of the last detection."""
    for time in times(hits, step):
        assert detect(cycle, time, A) == [1]
    return time


def state_of(cycle, identity=1):
    """The state of the track with this id."""
    return State(cycle.trajectories.state[cycle.trajectories.id == identity].item())

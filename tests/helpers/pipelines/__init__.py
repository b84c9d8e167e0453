"""Detectors and frames for the tests of the pipeline."""

import numpy as np

from mvot_plugin.ops.boxes import iou
from mvot_plugin.types import Detections, Frame
from mvot_synthetic import NoisyDetector

BOX = [10.0, 10.0, 40.0, 60.0]
OTHER = [80.0, 20.0, 110.0, 70.0]
BLANK_IMAGE = np.zeros((120, 160, 3), np.uint8)


def track_all(tracker, frames):
    """The tracks of each frame."""
    return [tracker.step(frame) for frame in frames]


def exact_detector(scene):
    """A detector that returns the ground truth."""
    return NoisyDetector(scene, recall=1.0, jitter=0.0, false_positives=0.0)


def constant_detector(*boxes, **columns):
    """A detector that returns these boxes on every frame."""
    return lambda frame: Detections.of(boxes, **columns)


def recording_detector(detector):
    """The detector, and a list of the frame indices on which it was called."""
    calls = []

    def call(frame):
        calls.append(frame.index)
        return detector(frame)

    return call, calls


def blank_frames(count, rate=25):
    return [Frame(image=BLANK_IMAGE, index=i, timestamp=i / rate) for i in range(count)]


def match_identities(scene, frames, answers):
    """The track ids of each object of the scene, and the objects of each track id."""
    of_object, of_track = {}, {}
    for frame, tracks in zip(frames, answers, strict=True):
        ground_truth = scene.ground_truth(frame.index)
        overlap = iou(tracks.xyxy, ground_truth.xyxy)
        for row, best in enumerate(overlap.argmax(1) if len(tracks) else []):
            if overlap[row, best] > 0.25:
                of_object.setdefault(int(ground_truth.id[best]), set()).add(int(tracks.id[row]))
                of_track.setdefault(int(tracks.id[row]), set()).add(int(ground_truth.id[best]))
    return of_object, of_track


def failing_detector(detector, *on):
    """The detector, but it raises on the frames of these indices."""

    def call(frame):
        if frame.index in on:
            raise ConnectionError("camera server is gone")
        return detector(frame)

    return call

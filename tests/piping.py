"""What the tests of the pipeline share."""

import numpy as np

from mvot_plugin.ops.boxes import iou
from mvot_plugin.synthetic import NoisyDetector
from mvot_plugin.types import Detections, Frame

BOX = [10.0, 10.0, 40.0, 60.0]
OTHER = [80.0, 20.0, 110.0, 70.0]
BLANK = np.zeros((120, 160, 3), np.uint8)


def tracked(tracker, frames):
    return [tracker.step(frame) for frame in frames]


def exact(scene):
    return NoisyDetector(scene, recall=1.0, jitter=0.0, false_positives=0.0)


def always(*boxes, **columns):
    return lambda frame: Detections.of(boxes, **columns)


def noticing(detector):
    """The detector, and the indices of the frames that it was called on."""
    calls = []

    def call(frame):
        calls.append(frame.index)
        return detector(frame)

    return call, calls


def blanks(count, rate=25):
    return [Frame(image=BLANK, index=i, timestamp=i / rate) for i in range(count)]


def identities(scene, frames, answers):
    """Which track ids each object of the scene had, and which objects each track id was."""
    of_object, of_track = {}, {}
    for frame, tracks in zip(frames, answers, strict=True):
        truth = scene.truth(frame.index)
        overlap = iou(tracks.xyxy, truth.xyxy)
        for row, best in enumerate(overlap.argmax(1) if len(tracks) else []):
            if overlap[row, best] > 0.25:
                of_object.setdefault(int(truth.id[best]), set()).add(int(tracks.id[row]))
                of_track.setdefault(int(tracks.id[row]), set()).add(int(truth.id[best]))
    return of_object, of_track


def broken(detector, *on):
    def call(frame):
        if frame.index in on:
            raise ConnectionError("camera server is gone")
        return detector(frame)

    return call

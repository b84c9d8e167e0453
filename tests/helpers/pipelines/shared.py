"""Detectors, clocks and frames of the tests of a detector that streams share."""

import threading
import time
from contextlib import ExitStack

import numpy as np

from helpers.pipelines import BOX
from mvot_pipelines.detection.shared import SharedDetector
from mvot_plugin.types import Detections, Frame

__all__ = ["CLIPS", "BatchDetector", "Clock", "HangingDetector", "frame_of", "occupy", "wait_for"]

CLIPS = {"one": ((160, 120), 24), "two": ((200, 152), 17), "three": ((120, 160), 21)}
"""The sizes and the frames of the small videos of the fixture ``clips``."""


class Clock:
    """Seconds that the test sets."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def wait_for(found):
    """What ``found()`` returns as soon as it is true."""
    for _ in range(3000):
        if result := found():
            return result
        time.sleep(0.01)
    raise AssertionError("nothing came in half a minute")


def frame_of(index, size=(160, 120)):
    """A blank frame of a size (width, height)."""
    image = np.zeros((size[1], size[0], 3), np.uint8)
    return Frame(image=image, index=index, timestamp=index / 25)


class HangingDetector:
    """Hangs on the frames of these indices until it is let go on; knows what it was called on."""

    def __init__(self, *on):
        self.on, self.frames = on, []
        self.at_work, self.go_on = threading.Event(), threading.Event()

    def __call__(self, frame: Frame):
        self.frames.append(frame.index)
        if frame.index in self.on:
            self.at_work.set()
            assert self.go_on.wait(60)
        return Detections.of([BOX], class_id=frame.index)


class BatchDetector(HangingDetector):
    """One that takes batches, too, and fails on the frames of some indices."""

    def __init__(self, *on, bad=(), error=ValueError):
        super().__init__(*on)
        self.batches, self.bad, self.error = [], bad, error

    def __call__(self, frame: Frame):
        if frame.index in self.bad:
            raise self.error("bad frame")
        return super().__call__(frame)

    def detect_batch(self, frames):
        self.batches.append([frame.index for frame in frames])
        return [self(frame) for frame in frames]


def occupy(detector, index=0, **options):
    """A ``SharedDetector`` that is at work on a frame, on which the detector hangs.

    Its ``with`` lets the detector go on at the end.
    """
    return _Occupied(detector, index, options)


class _Occupied(ExitStack):
    def __init__(self, detector, index, options):
        super().__init__()
        self._detector, self._index, self._options = detector, index, options

    def __enter__(self):
        super().__enter__()
        shared = self.enter_context(SharedDetector(self._detector, **self._options))
        self.callback(self._detector.go_on.set)
        shared.submit(frame_of(self._index), lambda frame, found, seconds: found)
        assert self._detector.at_work.wait(30)
        return shared

"""Workers and detectors of the tests of a detector beside the tracker."""

import os
import threading
from functools import partial

from helpers.pipelines import BOX
from mvot_plugin.types import Detections


class LaggingWorker:
    """Answers when the pipeline has asked on ``lag`` further frames."""

    def __init__(self, stage, lag):
        self.stage, self.lag = stage, lag
        self.answer, self.wait = None, 0

    @property
    def is_free(self):
        return self.answer is None

    def submit(self, frame):
        self.answer, self.wait = self.stage(frame), self.lag

    def collect(self):
        if self.answer is None or self.wait > 0:
            self.wait -= 1
            return None
        answer, self.answer = self.answer, None
        return answer

    def close(self):
        pass


def lagging(lag):
    """For ``MotPipeline(asynchronous=...)``: answers come ``lag`` frames late."""
    return partial(LaggingWorker, lag=lag)


class GatedDetector:
    """Returns a box, once the gate is open; knows how often it was called, and where."""

    def __init__(self):
        self.gate, self.entered = threading.Event(), threading.Event()
        self.frames, self.threads = [], set()

    def __call__(self, frame):
        self.frames.append(frame.index)
        self.threads.add(threading.current_thread().name)
        self.entered.set()
        assert self.gate.wait(30)
        return Detections.of([BOX])


def detect_box(frame):
    """A detector of a module, which a process can import; its class is the process."""
    return Detections.of([BOX], class_id=os.getpid())


def die_on_odd_frames(frame):
    """A detector that ends its process on frames of odd index."""
    if frame.index % 2:
        os._exit(3)
    return Detections.of([BOX])


def hang(frame):
    """A detector that never answers."""
    threading.Event().wait()


def raise_unpicklable(frame):
    """A detector that raises what cannot be sent between processes."""

    class LocalError(Exception):
        pass

    raise LocalError("out of luck")

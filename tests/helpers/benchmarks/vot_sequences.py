"""VOT sequences of moving squares, and an engine that tracks them except for scripted misses."""

import numpy as np

from mvot_benchmarks.vot import VotSequence
from mvot_plugin.engines.base import Motion, Targets
from mvot_plugin.types import Frame

IMAGE = np.zeros((8, 8, 3), np.uint8)


def boxes_at(objects, index):
    """Objects of 10x10 pixels, each in a row of its own, that move by 2 pixels a frame."""
    objects = np.asarray(objects, np.float32).reshape(-1)
    x, y = np.full_like(objects, 2 * index), 100 * objects
    return np.stack([x, y, x + 10, y + 10], 1).astype(np.float32)


def vot_sequence(*visible):
    """A sequence with these objects, each visible on the given frames."""
    length = max(max(frames) for frames in visible) + 1
    ground_truth = np.full((length, len(visible), 4), np.nan, np.float32)
    for number, frames in enumerate(visible):
        for index in frames:
            ground_truth[index, number] = boxes_at(number, index)[0]
    frames = [Frame(image=IMAGE, index=i, timestamp=i / 25) for i in range(length)]
    return VotSequence(frames=frames, ground_truth=ground_truth)


class ScriptedEngine:
    """Tracks every object exactly, except for ``misses``: pairs (frame index, object)."""

    def __init__(self, misses=()):
        self.misses, self.observed, self.enrolled, self.tracked = misses, [], [], []

    def observe(self, frame):
        self.observed.append(frame.index)
        return frame

    def enroll(self, observation, boxes):
        objects = self._objects(boxes)
        assert np.array_equal(boxes, boxes_at(objects, observation.index))
        self.enrolled += [(observation.index, number) for number in objects]
        return Targets(boxes=boxes)

    def track(self, observation, targets):
        objects = self._objects(targets.boxes)
        self.tracked.append((observation.index, objects))
        boxes = boxes_at(objects, observation.index)
        for row, number in enumerate(objects):
            boxes[row, 0::2] += 50 * ((observation.index, number) in self.misses)
        return Targets(boxes=boxes), Motion(boxes=boxes, scores=np.ones(len(boxes), np.float32))

    def _objects(self, boxes):
        return [int(number) for number in boxes[:, 1] // 100]

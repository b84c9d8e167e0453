"""A detector that fails in all ways that detectors do, and a worker that answers late."""

from collections.abc import Callable

import numpy as np

from mvot_benchmarks.soak.scene import SIZE, SoakFrame
from mvot_pipelines.detection import Answer
from mvot_pipelines.detection.worker import Stage
from mvot_plugin.types import Detections, Frame

__all__ = ["GlitchingDetector", "SometimesLateWorker"]

RECALL, JITTER, FALSE_POSITIVES = 0.85, 0.05, 0.5
"""Share of the targets that are found; standard deviation of the edges, in sides of the box; mean
number of boxes where nothing is."""
BURST = 200
"""Boxes of a burst."""
LATEST = 6
"""Most frames by which an answer is late."""


class GlitchingDetector:
    """Finds most targets of a ``SoakFrame``, and at regular intervals does something else.

    The intervals, in calls, are prime numbers, and so short that every tenth of a run of 5,000
    frames has each glitch in it.
    """

    def __init__(self, seed: int) -> None:
        self._rng = np.random.default_rng([seed, 1])
        self._calls = 0
        self._shown: SoakFrame | None = None
        self._glitches: dict[int, Callable[[], Detections]] = {
            11: Detections.empty,
            23: self._raise,
            31: self._not_numbers,
            79: self._burst,
        }

    def show(self, shown: SoakFrame) -> None:
        """The frame that is next to be detected on."""
        self._shown = shown

    def __call__(self, frame: Frame, /) -> Detections:
        """The detections, or what is wrong with them on this call."""
        self._calls += 1
        for interval, glitch in self._glitches.items():
            if self._calls % interval == 0:
                return glitch()
        return self._detect()

    def _detect(self) -> Detections:
        assert self._shown is not None
        rng, boxes = self._rng, self._shown.boxes
        boxes = boxes[rng.uniform(size=len(boxes)) < RECALL]
        sides = np.tile(boxes[:, 2:] - boxes[:, :2], 2)
        boxes = boxes + rng.normal(0, JITTER, boxes.shape) * sides
        return self._with_confidence(np.vstack([boxes, self._random(rng.poisson(FALSE_POSITIVES))]))

    def _raise(self) -> Detections:
        raise RuntimeError("a glitch of the detector")

    def _not_numbers(self) -> Detections:
        boxes = self._random(9)
        boxes[::3, 0], boxes[1::3, 3] = np.nan, np.inf
        return self._with_confidence(boxes)

    def _burst(self) -> Detections:
        return self._with_confidence(self._random(BURST))

    def _random(self, count: int) -> np.ndarray:
        corner = self._rng.uniform((0, 0), SIZE, (count, 2))
        return np.hstack([corner, corner + self._rng.uniform(4, 60, (count, 2))])

    def _with_confidence(self, boxes: np.ndarray) -> Detections:
        return Detections.of(boxes, self._rng.uniform(0.3, 1, len(boxes)))


class SometimesLateWorker:
    """A worker whose answers come at once, or up to some frames later, by a seed."""

    def __init__(self, stage: Stage, seed: int) -> None:
        self._stage, self._rng = stage, np.random.default_rng([seed, 2])
        self._answer: Answer | None = None
        self._wait = 0

    @property
    def is_free(self) -> bool:
        """Whether a frame may be submitted."""
        return self._answer is None

    def submit(self, frame: Frame) -> None:
        """Detect on a frame now, and keep the answer for some frames."""
        self._answer = self._stage(frame)
        self._wait = max(int(self._rng.integers(-LATEST, LATEST + 1)), 0)

    def collect(self) -> Answer | None:
        """The answer; None before its time."""
        self._wait -= 1
        if self._answer is None or self._wait >= 0:
            return None
        answer, self._answer = self._answer, None
        return answer

    def close(self) -> None:
        """Nothing is to be ended."""

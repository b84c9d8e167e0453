"""A detector for scenes, as good or bad as one asks for: it looks at the truth, not the pixels."""

import numpy as np
from jaxtyping import Float32

from mvot_plugin.errors import UsageError
from mvot_plugin.synthetic.canvas import Number
from mvot_plugin.synthetic.scene import Scene, Truth
from mvot_plugin.types import Detections, Frame

__all__ = ["NoisyDetector"]

_CLASSES = np.array([0, 1, 2])


class NoisyDetector:
    """Finds the objects of a scene with the errors of a real detector.

    What it says of a frame depends on ``seed`` and the frame's index alone, not on which frames
    it saw before. An object of which less than ``min_visibility`` shows is missed; a fully
    visible one is found with probability ``recall``, one of visibility v with recall ** (1 / v).
    Box centres and sizes err by a standard deviation of ``jitter`` times the box's size.
    ``false_positives`` is their mean number per frame. The class is wrong for 0.1 * (1 - recall)
    of what is found. With recall 1 and the other two 0, it tells the truth.

    Raises ``UsageError`` for probabilities outside 0..1 and negative numbers.
    """

    def __init__(
        self,
        scene: Scene,
        *,
        seed: int = 0,
        recall: Number = 0.92,
        jitter: Number = 0.03,
        false_positives: Number = 0.05,
        min_visibility: Number = 0.3,
    ) -> None:
        if not (
            0 <= recall <= 1 and 0 <= min_visibility <= 1 and min(jitter, false_positives) >= 0
        ):
            raise UsageError(
                "recall and min_visibility must lie in 0..1, jitter and false_positives at 0 or "
                f"above; got recall={recall}, min_visibility={min_visibility}, "
                f"jitter={jitter}, false_positives={false_positives}"
            )
        self._scene, self._seed = scene, seed
        self._recall, self._jitter = recall, jitter
        self._false_positives, self._min_visibility = false_positives, min_visibility

    def __call__(self, frame: Frame, /) -> Detections:
        """What the detector makes of the scene's frame of this index."""
        rng = np.random.default_rng([self._seed, frame.index])
        truth = self._scene.truth(frame.index)
        found = self._found(rng, truth)
        false = self._imagined(rng)
        return Detections(
            xyxy=np.concatenate([found.xyxy, false.xyxy]),
            confidence=np.concatenate([found.confidence, false.confidence]),
            class_id=np.concatenate([found.class_id, false.class_id]),
        )

    def _found(self, rng: np.random.Generator, truth: Truth) -> Detections:
        rows = len(truth)
        seen = np.maximum(truth.visibility, 1e-6).astype(np.float64)
        hit = rng.random(rows) < self._recall ** (1 / seen)
        error = self._jitter * rng.standard_normal((rows, 4))
        confused = rng.random(rows) < 0.1 * (1 - self._recall)
        others = (truth.class_id + rng.integers(1, len(_CLASSES), rows)) % len(_CLASSES)
        badness = np.abs(error).sum(1) + 0.5 * (1 - seen) + 0.04 * rng.standard_normal(rows)
        detections = Detections(
            xyxy=_disturbed(truth.xyxy, error),
            confidence=np.clip(0.94 - badness, 0.3, 0.99).astype(np.float32),
            class_id=np.where(confused, others, truth.class_id),
        )
        return detections[hit & (truth.visibility >= max(self._min_visibility, 1e-6))]

    def _imagined(self, rng: np.random.Generator) -> Detections:
        rows = int(rng.poisson(self._false_positives))
        size = np.asarray(self._scene.size, float)
        height = size[1] * rng.uniform(0.1, 0.35, rows)
        extent = np.stack([height * rng.uniform(0.3, 1.2, rows), height], axis=1)
        corner = rng.uniform(0, 1, (rows, 2)) * np.maximum(size - extent, 0)
        return Detections.of(
            np.hstack([corner, corner + extent]),
            confidence=rng.uniform(0.15, 0.6, rows),
            class_id=rng.choice(_CLASSES, rows),
        )


def _disturbed(boxes: Float32[np.ndarray, "n 4"], error: np.ndarray) -> Float32[np.ndarray, "n 4"]:
    """Boxes whose centres and sizes are off by ``error`` (x, y, width, height) of their size."""
    size = boxes[:, 2:] - boxes[:, :2]
    move = size * error[:, :2]
    grow = size * np.maximum(error[:, 2:], -0.5) / 2
    return np.asarray(boxes + np.hstack([move - grow, move + grow]), np.float32)

"""A simulated detector for scenes: their ground truth with adjustable errors."""

import numpy as np
from jaxtyping import Float32

from mvot_plugin.errors import UsageError
from mvot_plugin.types import XYXY, Detections, Frame
from mvot_synthetic.canvas import Number
from mvot_synthetic.scene import Scene, SceneGroundTruth

__all__ = ["NoisyDetector"]

_CLASSES = np.array([0, 1, 2])


class NoisyDetector:
    """Detects the objects of a scene with the errors of a real detector.

    The detections of a frame depend on ``seed`` and the frame's index only. The class is wrong for
    0.1 * (1 - recall) of the detections. With recall 1, and jitter and false positives 0, the
    detections are the ground truth.

    Args:
        scene: the scene.
        seed: of the errors.
        recall: the probability that a fully visible object is detected; one of visibility v is
            detected with recall ** (1 / v).
        jitter: the standard deviation of the errors of box centres and sizes, as a share of the
            box's size.
        false_positives: their mean number per frame.
        min_visibility: the visibility, 0..1, below which an object is missed.

    Raises:
        UsageError: for probabilities outside 0..1 and negative numbers.

    Examples:
        >>> from mvot_synthetic import NoisyDetector, street
        >>> scene = street(seed=2, size=(320, 240), frames=1)
        >>> perfect = NoisyDetector(scene, recall=1, jitter=0, false_positives=0, min_visibility=0)
        >>> found, truth = perfect(scene.frame(0)), scene.ground_truth(0)
        >>> found.class_id.tolist() == truth[truth.visibility > 0].class_id.tolist()
        True
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
        """Detect objects.

        Args:
            frame: a frame of the scene, of which only the index counts.

        Returns:
            The N detections on the scene's frame of this index.
        """
        rng = np.random.default_rng([self._seed, frame.index])
        ground_truth = self._scene.ground_truth(frame.index)
        true = self._sample_true_positives(rng, ground_truth)
        false = self._sample_false_positives(rng)
        return Detections(
            xyxy=np.concatenate([true.xyxy, false.xyxy]),
            confidence=np.concatenate([true.confidence, false.confidence]),
            class_id=np.concatenate([true.class_id, false.class_id]),
        )

    def _sample_true_positives(
        self, rng: np.random.Generator, ground_truth: SceneGroundTruth
    ) -> Detections:
        rows = len(ground_truth)
        visibility = np.maximum(ground_truth.visibility, 1e-6).astype(np.float64)
        hit = rng.random(rows) < self._recall ** (1 / visibility)
        error = self._jitter * rng.standard_normal((rows, 4))
        confused = rng.random(rows) < 0.1 * (1 - self._recall)
        others = (ground_truth.class_id + rng.integers(1, len(_CLASSES), rows)) % len(_CLASSES)
        badness = np.abs(error).sum(1) + 0.5 * (1 - visibility) + 0.04 * rng.standard_normal(rows)
        detections = Detections(
            xyxy=_jitter_boxes(ground_truth.xyxy, error),
            confidence=np.clip(0.94 - badness, 0.3, 0.99).astype(np.float32),
            class_id=np.where(confused, others, ground_truth.class_id),
        )
        return detections[hit & (ground_truth.visibility >= max(self._min_visibility, 1e-6))]

    def _sample_false_positives(self, rng: np.random.Generator) -> Detections:
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


def _jitter_boxes(boxes: Float32[XYXY, " n"], error: np.ndarray) -> Float32[XYXY, " n"]:
    """Boxes with relative errors (N, 4) of centre x, centre y, width and height."""
    size = boxes[:, 2:] - boxes[:, :2]
    move = size * error[:, :2]
    grow = size * np.maximum(error[:, 2:], -0.5) / 2
    return np.asarray(boxes + np.hstack([move - grow, move + grow]), np.float32)

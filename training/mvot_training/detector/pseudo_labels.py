"""Pseudo labels: what several detectors agree on, or one alone is reliable in.

Detectors score on scales of their own. ``estimate_reliable_scores`` finds for each the score from
which on the others nearly always confirm it. Divided by that, scores are comparable, and from 1 on
a detection needs no confirmation.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float32, Int64

from mvot_plugin.errors import UsageError
from mvot_plugin.ops.boxes import area, intersection, iou
from mvot_plugin.types import XYXY, Detections

__all__ = [
    "CLASSES",
    "AgreementConfig",
    "PseudoLabels",
    "add_pseudo_labels",
    "count_unexplained",
    "create_pseudo_labels",
    "estimate_reliable_scores",
    "map_classes",
]

CLASSES = (
    *("person", "bicycle", "car", "motorcycle", "bus", "truck"),
    *("bird", "cat", "dog", "horse", "sheep", "cow"),
)
"""The class names of the packaged detector, as COCO has them; labels hold indices into it."""
NEVER_RELIABLE = 2.0
"""Above all scores."""
MAX_IOU, MAX_IOU_OF_CLASSES = 0.5, 0.7
"""Labels that overlap a better one more are dropped: of the same class, of another."""
COVERED_SHARE, COVERED_IOU = 0.7, 0.4
"""A box is covered by another that holds more of it, or overlaps it more."""


@dataclass(frozen=True, kw_only=True)
class AgreementConfig:
    """When detections become labels; scores are relative to a detector's reliable score."""

    confirmed_share: float = 0.95
    """The share of a detector's boxes from its reliable score on that others confirm."""
    min_score: float = 0.45
    """The least score of a box that is a label, or confirms one."""
    doubtful_score: float = 0.5
    """The least score of an unconfirmed box that is doubtful: neither a label nor background."""
    weak_score: float = 0.2
    """The least score of a box that counts when images of crowds are identified."""
    min_iou: float = 0.5
    """The least overlap (IoU) of boxes that confirm each other."""

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not 0 < value <= 1:
                raise UsageError(f"agreement.{name} must be above 0 and at most 1, got {value:g}")


@dataclass(frozen=True, kw_only=True, eq=False)
class PseudoLabels:
    """The objects of an image, in its pixels, annotated or found by detectors."""

    xyxy: Float32[XYXY, " n"]
    class_id: Int64[np.ndarray, " n"]
    """Indices into ``CLASSES``."""
    doubtful: Float32[XYXY, " m"]
    """Boxes that may hold an object or not."""

    @classmethod
    def of(cls, xyxy: object = (), class_id: object = (), doubtful: object = ()) -> "PseudoLabels":
        """Labels from lists or arrays."""
        return cls(
            xyxy=np.asarray(xyxy, np.float32).reshape(-1, 4),
            class_id=np.asarray(class_id, np.int64).reshape(-1),
            doubtful=np.asarray(doubtful, np.float32).reshape(-1, 4),
        )


def map_classes(detections: Detections, names: dict[int, str]) -> Detections:
    """Keep the detections of ``CLASSES``, numbered by them; ``names`` are the detector's own."""
    class_id = np.array(
        [_class_index(names.get(int(k), "")) for k in detections.class_id], np.int64
    )
    kept = class_id >= 0
    return Detections.of(detections.xyxy[kept], detections.confidence[kept], class_id[kept])


def estimate_reliable_scores(
    detections: Sequence[Sequence[Detections]], config: AgreementConfig
) -> list[float]:
    """Estimate the score from which on each detector is reliable alone; images come first.

    It is the lowest from which on the share ``config.confirmed_share`` of its boxes in all images
    is confirmed by another detector, and above all scores if there is none.
    """
    reliable = []
    for one in range(len(detections[0]) if detections else 0):
        pairs = [(image[one], _concatenate_others(image, one)) for image in detections]
        scores = np.concatenate([own.confidence for own, _ in pairs])
        confirmed = np.concatenate([_is_same_object(*pair, config).any(1) for pair in pairs])
        order = np.argsort(-scores, kind="stable")
        share = np.cumsum(confirmed[order]) / np.arange(1, len(order) + 1)
        enough = np.flatnonzero(share >= config.confirmed_share)
        reliable.append(float(scores[order][enough[-1]]) if len(enough) else NEVER_RELIABLE)
    return reliable


def create_pseudo_labels(
    detections: Sequence[Detections],
    reliable: Sequence[float],
    config: AgreementConfig,
    hints: Float32[XYXY, " h"] | None = None,
) -> PseudoLabels:
    """Create the labels of an image from what each detector found on it, in ``CLASSES``.

    ``reliable`` are the detectors' reliable scores. ``hints`` are boxes known to hold an object of
    unknown class: they confirm a box unless a detector, from ``weak_score`` on, finds an object of
    another class there. A confirmed label is the mean of the two boxes that agree.
    """
    scaled = _scale_scores(detections, reliable)
    kept = [each[each.confidence >= config.min_score] for each in scaled]
    candidates, all_boxes = _concatenate(kept), _concatenate(scaled)
    merged = [
        _average_matches(own, _concatenate_others(kept, k), config) for k, own in enumerate(kept)
    ]
    boxes, confirmed = (np.concatenate(column) for column in zip(*merged, strict=True))
    hinted = np.zeros(len(candidates), bool)
    if hints is not None:
        hinted = iou(candidates.xyxy, hints).max(1, initial=0) >= config.min_iou
    weak = all_boxes[all_boxes.confidence >= config.weak_score]
    hinted &= ~_is_contested(candidates, weak, config)
    accepted = confirmed | hinted | (candidates.confidence >= 1)
    rank = candidates.confidence + confirmed
    xyxy, class_id = _suppress_overlaps(
        boxes[accepted], candidates.class_id[accepted], rank[accepted]
    )
    unsure = candidates.xyxy[~accepted & (candidates.confidence >= config.doubtful_score)]
    return PseudoLabels.of(xyxy, class_id, _remove_covered(unsure, xyxy))


def count_unexplained(
    detections: Sequence[Detections],
    reliable: Sequence[float],
    config: AgreementConfig,
    labels: PseudoLabels,
) -> int:
    """Count the weak boxes that are covered by neither a label nor a doubtful box."""
    explained = np.concatenate([labels.xyxy, labels.doubtful])
    scaled = _scale_scores(detections, reliable)
    weak = [each.xyxy[each.confidence >= config.weak_score] for each in scaled]
    return sum(int((~_is_covered(boxes, explained)).sum()) for boxes in weak)


def add_pseudo_labels(ground_truth: PseudoLabels, labels: PseudoLabels) -> PseudoLabels:
    """Add to the ground truth the labels that it does not cover, or that are of other classes."""
    new = np.ones(len(labels.xyxy), bool)
    for k in np.unique(labels.class_id):
        annotated, same_class = ground_truth.xyxy[ground_truth.class_id == k], labels.class_id == k
        new[same_class] = ~_is_covered(labels.xyxy[same_class], annotated)
    boxes = np.concatenate([ground_truth.xyxy, labels.xyxy[new]])
    class_id = np.concatenate([ground_truth.class_id, labels.class_id[new]])
    doubtful = np.concatenate([ground_truth.doubtful, _remove_covered(labels.doubtful, boxes)])
    return PseudoLabels.of(boxes, class_id, doubtful)


def _class_index(name: str) -> int:
    return CLASSES.index(name) if name in CLASSES else -1


def _scale_scores(detections: Sequence[Detections], reliable: Sequence[float]) -> list[Detections]:
    """Divide the scores of each detector by its reliable score."""
    return [
        Detections.of(each.xyxy, each.confidence / score, each.class_id)
        for each, score in zip(detections, reliable, strict=True)
    ]


def _concatenate(parts: Sequence[Detections]) -> Detections:
    if not parts:
        return Detections.empty()
    columns = zip(*((p.xyxy, p.confidence, p.class_id) for p in parts), strict=True)
    return Detections.of(*(np.concatenate(column) for column in columns))


def _concatenate_others(detections: Sequence[Detections], one: int) -> Detections:
    return _concatenate([each for k, each in enumerate(detections) if k != one])


def _is_same_object(
    a: Detections, b: Detections, config: AgreementConfig
) -> Bool[np.ndarray, "n m"]:
    """Which boxes are of one class and overlap enough to be of one object."""
    same_class: np.ndarray = a.class_id[:, None] == b.class_id[None]
    return same_class & (iou(a.xyxy, b.xyxy) >= config.min_iou)


def _average_matches(
    own: Detections, others: Detections, config: AgreementConfig
) -> tuple[Float32[XYXY, " n"], Bool[np.ndarray, " n"]]:
    """Average each box with the best that confirms it; also returns which are confirmed."""
    matches = _is_same_object(own, others, config)
    confirmed = np.asarray(matches.any(1))
    boxes = own.xyxy.copy()
    if confirmed.any():
        best = np.where(matches, others.confidence[None], -1).argmax(1)[confirmed]
        boxes[confirmed] = (boxes[confirmed] + others.xyxy[best]) / 2
    return boxes, confirmed


def _is_contested(
    detections: Detections, others: Detections, config: AgreementConfig
) -> Bool[np.ndarray, " n"]:
    """Which boxes are overlapped by one of another class."""
    other_class: np.ndarray = detections.class_id[:, None] != others.class_id[None]
    overlap = iou(detections.xyxy, others.xyxy) >= config.min_iou
    return np.asarray((other_class & overlap).any(1))


def _suppress_overlaps(
    xyxy: Float32[XYXY, " n"],
    class_id: Int64[np.ndarray, " n"],
    rank: Float[np.ndarray, " n"],
) -> tuple[Float32[XYXY, " k"], Int64[np.ndarray, " k"]]:
    """Non-maximum suppression by ``rank``, across classes too."""
    kept: list[int] = []
    for row in np.argsort(-rank, kind="stable"):
        limit = np.where(class_id[kept] == class_id[row], MAX_IOU, MAX_IOU_OF_CLASSES)
        if (iou(xyxy[row : row + 1], xyxy[kept])[0] < limit).all():
            kept.append(int(row))
    return xyxy[kept], class_id[kept]


def _is_covered(boxes: Float32[XYXY, " n"], others: Float32[XYXY, " m"]) -> Bool[np.ndarray, " n"]:
    """Which boxes are mostly inside one of the others, or overlap it."""
    inside = intersection(boxes, others) / np.maximum(area(boxes), 1e-6)[:, None]
    return np.asarray(((inside > COVERED_SHARE) | (iou(boxes, others) > COVERED_IOU)).any(1))


def _remove_covered(boxes: Float32[XYXY, " n"], others: Float32[XYXY, " m"]) -> Float32[XYXY, " k"]:
    return np.asarray(boxes[~_is_covered(boxes, others)])

"""Labels that several detectors make together: what two agree on, or one is sure of.

Detectors score on scales of their own. ``sure_scores`` finds for each the score from which on the
others nearly always confirm it; scores divided by that are comparable, and 1 is "sure".
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float32, Int64

from mvot_plugin.errors import UsageError
from mvot_plugin.ops.boxes import area, intersection, iou
from mvot_plugin.types import Detections

__all__ = [
    "CLASSES",
    "Agreement",
    "Labels",
    "agreed",
    "in_classes",
    "joined",
    "sure_scores",
    "unexplained",
]

CLASSES = (
    *("person", "bicycle", "car", "motorcycle", "bus", "truck"),
    *("bird", "cat", "dog", "horse", "sheep", "cow"),
)
"""What the packaged detector finds, by COCO's names; a label's class is the place in here."""


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """When boxes of detectors become labels.

    Scores are shares of a detector's own "sure" score, from which on ``confirmed`` of its boxes
    are confirmed by another detector. A box counts from ``least`` on if another detector's box of
    its class, or a box of the ground truth, overlaps it by ``overlap``. A box from ``doubtful`` on
    that nothing confirms is neither a label nor background; weaker ones from ``weak`` on only
    count, to tell crowds: see ``unexplained``.
    """

    confirmed: float = 0.95
    least: float = 0.45
    doubtful: float = 0.5
    weak: float = 0.2
    overlap: float = 0.5

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not 0 < value <= 1:
                raise UsageError(f"agreement.{name} must be above 0 and at most 1, got {value:g}")


@dataclass(frozen=True, kw_only=True, eq=False)
class Labels:
    """The objects of one image, in its pixels; ``doubtful`` boxes may hold one or not."""

    xyxy: Float32[np.ndarray, "n 4"]
    class_id: Int64[np.ndarray, " n"]
    doubtful: Float32[np.ndarray, "m 4"]

    @classmethod
    def of(cls, xyxy: object = (), class_id: object = (), doubtful: object = ()) -> "Labels":
        """Labels from lists."""
        return cls(
            xyxy=np.asarray(xyxy, np.float32).reshape(-1, 4),
            class_id=np.asarray(class_id, np.int64).reshape(-1),
            doubtful=np.asarray(doubtful, np.float32).reshape(-1, 4),
        )


def in_classes(found: Detections, names: dict[int, str]) -> Detections:
    """What was found of ``CLASSES``, numbered by them; ``names`` are the detector's own."""
    own = np.array([_number(names.get(int(k), "")) for k in found.class_id], np.int64)
    kept = own >= 0
    return Detections.of(found.xyxy[kept], found.confidence[kept], own[kept])


def sure_scores(found: Sequence[Sequence[Detections]], rules: Agreement) -> list[float]:
    """The score from which on each detector can be relied on alone; ``found`` is by image.

    It is the lowest from which on the share ``rules.confirmed`` of its boxes in all images is
    confirmed by another detector, and above all of its scores where there is no such score.
    """
    sure = []
    for one in range(len(found[0]) if found else 0):
        pairs = [(image[one], _others(image, one)) for image in found]
        scores = np.concatenate([mine.confidence for mine, _ in pairs])
        good = np.concatenate([_same(mine, other, rules).any(1) for mine, other in pairs])
        order = np.argsort(-scores, kind="stable")
        share = np.cumsum(good[order]) / np.arange(1, len(order) + 1)
        enough = np.flatnonzero(share >= rules.confirmed)
        sure.append(float(scores[order][enough[-1]]) if len(enough) else 2.0)
    return sure


def agreed(
    found: Sequence[Detections],
    sure: Sequence[float],
    rules: Agreement,
    hints: Float32[np.ndarray, "h 4"] | None = None,
) -> Labels:
    """The labels of one image from what each detector found on it, in ``CLASSES``.

    ``sure`` are their sure scores; ``hints`` are boxes known to hold an object of whatever class:
    they confirm a box unless another, from ``weak`` on, says that its object is of another class.
    A label is the mean of the two boxes that agree. Of overlapping labels the best-scored stays.
    """
    scaled = [
        Detections.of(f.xyxy, f.confidence / s, f.class_id)
        for f, s in zip(found, sure, strict=True)
    ]
    kept = [f[f.confidence >= rules.least] for f in scaled]
    pool, faint = _concatenated(kept), _concatenated(scaled)
    merged = [_merged(mine, _others(kept, k), rules) for k, mine in enumerate(kept)]
    boxes, confirmed = (np.concatenate(column) for column in zip(*merged, strict=True))
    hinted = iou(pool.xyxy, _boxes(hints)).max(1, initial=0) >= rules.overlap
    hinted &= ~_contested(pool, faint[faint.confidence >= rules.weak], rules)
    good = confirmed | hinted | (pool.confidence >= 1)
    rank = pool.confidence + confirmed
    labels = _unrivalled(boxes[good], pool.class_id[good], rank[good])
    unsure = pool.xyxy[~good & (pool.confidence >= rules.doubtful)]
    return Labels.of(*labels, _apart(unsure, labels[0]))


def unexplained(
    found: Sequence[Detections], sure: Sequence[float], rules: Agreement, labels: Labels
) -> int:
    """How many weak boxes have neither a label nor a doubtful box where they are."""
    known = np.concatenate([labels.xyxy, labels.doubtful])
    weak = [f.xyxy[f.confidence / s >= rules.weak] for f, s in zip(found, sure, strict=True)]
    return sum(int((~_covered(boxes, known)).sum()) for boxes in weak)


def joined(truth: Labels, made: Labels) -> Labels:
    """What is known, and what was made of it that is elsewhere or of another class."""
    new = np.ones(len(made.xyxy), bool)
    for k in np.unique(made.class_id):
        known, mine = truth.xyxy[truth.class_id == k], made.class_id == k
        new[mine] = ~_covered(made.xyxy[mine], known)
    boxes = np.concatenate([truth.xyxy, made.xyxy[new]])
    doubtful = np.concatenate([truth.doubtful, _apart(made.doubtful, boxes)])
    return Labels.of(boxes, np.concatenate([truth.class_id, made.class_id[new]]), doubtful)


def _number(name: str) -> int:
    return CLASSES.index(name) if name in CLASSES else -1


def _boxes(boxes: Float32[np.ndarray, "n 4"] | None) -> Float32[np.ndarray, "n 4"]:
    return np.zeros((0, 4), np.float32) if boxes is None else boxes


def _concatenated(parts: Sequence[Detections]) -> Detections:
    if not parts:
        return Detections.empty()
    columns = zip(*((p.xyxy, p.confidence, p.class_id) for p in parts), strict=True)
    return Detections.of(*(np.concatenate(column) for column in columns))


def _others(found: Sequence[Detections], one: int) -> Detections:
    return _concatenated([f for k, f in enumerate(found) if k != one])


def _same(a: Detections, b: Detections, rules: Agreement) -> Bool[np.ndarray, "n m"]:
    """Which boxes are of one class and overlap enough to be of one object."""
    same: np.ndarray = a.class_id[:, None] == b.class_id[None]
    return same & (iou(a.xyxy, b.xyxy) >= rules.overlap)


def _merged(
    mine: Detections, other: Detections, rules: Agreement
) -> tuple[Float32[np.ndarray, "n 4"], Bool[np.ndarray, " n"]]:
    """Boxes, averaged with the best box of the other detectors that confirms them, if any does."""
    shared = _same(mine, other, rules)
    confirmed = np.asarray(shared.any(1))
    boxes = mine.xyxy.copy()
    if confirmed.any():
        best = np.where(shared, other.confidence[None], -1).argmax(1)[confirmed]
        boxes[confirmed] = (boxes[confirmed] + other.xyxy[best]) / 2
    return boxes, confirmed


def _contested(boxes: Detections, by: Detections, rules: Agreement) -> Bool[np.ndarray, " n"]:
    """Which boxes are overlapped by one of another class."""
    other: np.ndarray = boxes.class_id[:, None] != by.class_id[None]
    return np.asarray((other & (iou(boxes.xyxy, by.xyxy) >= rules.overlap)).any(1))


def _unrivalled(
    xyxy: Float32[np.ndarray, "n 4"],
    class_id: Int64[np.ndarray, " n"],
    rank: Float[np.ndarray, " n"],
) -> tuple[Float32[np.ndarray, "k 4"], Int64[np.ndarray, " k"]]:
    """Boxes without those that overlap a better one: by half, by 0.7 if of another class."""
    kept: list[int] = []
    for row in np.argsort(-rank, kind="stable"):
        limit = np.where(class_id[kept] == class_id[row], 0.5, 0.7)
        if (iou(xyxy[row : row + 1], xyxy[kept])[0] < limit).all():
            kept.append(int(row))
    return xyxy[kept], class_id[kept]


def _covered(
    boxes: Float32[np.ndarray, "n 4"], by: Float32[np.ndarray, "m 4"]
) -> Bool[np.ndarray, " n"]:
    """Which boxes are mostly inside one of ``by``, or overlap it by 0.4."""
    inside = intersection(boxes, by) / np.maximum(area(boxes), 1e-6)[:, None]
    return np.asarray(((inside > 0.7) | (iou(boxes, by) > 0.4)).any(1))


def _apart(
    boxes: Float32[np.ndarray, "n 4"], labels: Float32[np.ndarray, "m 4"]
) -> Float32[np.ndarray, "k 4"]:
    """The boxes that are not another view of a labelled object."""
    return np.asarray(boxes[~_covered(boxes, labels)])

"""Detectors whose answers are none, or odd."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np

from mvot_plugin.types import Detections, Frame

__all__ = ["BAD", "GOOD"]

_BOXES = np.array([[10, 20, 40, 60], [50, 30, 80, 70]], np.float32)
_FLAT = np.ones(2, np.float32)


def _results(xyxy: Any = _BOXES, conf: Any = _FLAT, cls: Any = _FLAT) -> Any:
    """An answer as ultralytics gives it."""
    return SimpleNamespace(boxes=SimpleNamespace(xyxy=xyxy, conf=conf, cls=cls))


def _bare(**columns: Any) -> Detections:
    """Detections whose columns were never checked."""
    found = Detections.of(_BOXES)
    for name, column in columns.items():
        object.__setattr__(found, name, column)
    return found


def _embedded(embeddings: Any) -> Detections:
    found = Detections.of(_BOXES)
    return Detections(
        xyxy=found.xyxy,
        confidence=found.confidence,
        class_id=found.class_id,
        embeddings=embeddings,
    )


def _meta() -> Any:
    import torch

    return torch.ones(2, 4, device="meta")


def _tensor(dtype: str) -> Any:
    import torch

    return torch.as_tensor(_BOXES).to(getattr(torch, dtype))


def _masked(value: float) -> Any:
    return [{"boxes": _BOXES, "masks": np.full((2, 1, 120, 160), value)}]


def _crowd() -> np.ndarray:
    corners = np.random.default_rng(0).random((50_000, 2)) * (150, 110)
    return np.concatenate([corners, corners + 9], axis=1)


def _read_only() -> np.ndarray:
    boxes = _BOXES.copy()
    boxes.flags.writeable = False
    return boxes


BAD: dict[str, Callable[[], Any]] = {
    "a number": lambda: 5,
    "a text": lambda: "person",
    "bytes": lambda: b"\0" * 16,
    "a generator": lambda: (box for box in _BOXES),
    "a flat array": lambda: np.arange(6.0),
    "an array of seven columns": lambda: np.ones((2, 7)),
    "an array of a batch": lambda: _BOXES[None],
    "relative boxes": lambda: _BOXES / 200,
    "a ragged list": lambda: [[10, 20], [30]],
    "a list of lists of rows": lambda: [[[10, 20, 40, 60]]],
    "a list of two results": lambda: [_results(), _results()],
    "a tuple with classes before scores": lambda: (_BOXES, [0, 2], [0.5, 0.25]),
    "a tuple with too few scores": lambda: (_BOXES, [0.5]),
    "a dict without boxes": lambda: {"logits": _BOXES},
    "a dict with two columns of classes": lambda: {"boxes": _BOXES, "cls": _FLAT, "labels": _FLAT},
    "a dict with names for classes": lambda: {"boxes": _BOXES, "labels": ["car", "dog"]},
    "a dict with too few masks": lambda: {"boxes": _BOXES, "masks": np.ones((1, 120, 160))},
    "a dict with flat keypoints": lambda: {"boxes": _BOXES, "keypoints": np.ones((2, 6))},
    "the class Detections": lambda: Detections,
    "itself, called again": lambda: _results,
    "boxes of five numbers": lambda: _results(np.ones((2, 5))),
    "a single box": lambda: _results(_BOXES[0]),
    "boxes of three dimensions": lambda: _results(_BOXES[None]),
    "texts for boxes": lambda: _results(np.array([["a"] * 4] * 2)),
    "objects for boxes": lambda: _results(np.array([[None] * 4] * 2, object)),
    "dates for boxes": lambda: _results(np.zeros((2, 4), "datetime64[s]")),
    "complex boxes": lambda: _results(_BOXES * 1j),
    "records for boxes": lambda: _results(np.zeros((2, 4), "i4,f4")),
    "ragged boxes": lambda: _results([[1, 2], [3]]),
    "more confidences than boxes": lambda: _results(conf=np.ones(3)),
    "fewer classes than boxes": lambda: _results(cls=np.ones(1)),
    "confidences in a column": lambda: _results(conf=np.ones((2, 1))),
    "texts for classes": lambda: _results(cls=np.array(["car", "dog"])),
    "classes that are NaN": lambda: _results(cls=np.full(2, np.nan)),
    "classes that are infinite": lambda: _results(cls=np.full(2, np.inf)),
    "classes of 2**63": lambda: _results(cls=[2**63, 2**63]),
    "classes of 10**30": lambda: _results(cls=[10**30, 10**30]),
    "a tensor without memory": lambda: _results(_meta()),
    "no boxes": lambda: SimpleNamespace(boxes=None),
    "unchecked boxes of five numbers": lambda: _bare(xyxy=np.ones((2, 5), np.float32)),
    "unchecked classes in a column": lambda: _bare(class_id=np.ones((2, 1), np.int64)),
    "unchecked confidences that are too few": lambda: _bare(confidence=np.ones(1, np.float32)),
    "unchecked texts": lambda: _bare(confidence="ab"),
    "unchecked None": lambda: _bare(xyxy=None),
    "embeddings that are NaN": lambda: _embedded(np.full((2, 8), np.nan, np.float32)),
    "embeddings in a row": lambda: _embedded(np.ones(2, np.float32)),
    "embeddings of three dimensions": lambda: _embedded(np.ones((2, 3, 3), np.float32)),
    "too few embeddings": lambda: _embedded(np.ones((1, 8), np.float32)),
    "embeddings of texts": lambda: _embedded(np.array([["a"], ["b"]])),
}
"""Each gets one sentence."""

GOOD: dict[str, Callable[[], Any]] = {
    "no detections": Detections.empty,
    "None": lambda: None,
    "an empty list": list,
    "an empty array": lambda: np.zeros((0, 6)),
    "a bare array": lambda: _BOXES,
    "a nested list": lambda: [[10, 20, 40, 60]],
    "rows of bfloat16": lambda: _tensor("bfloat16"),
    "rows with a confidence that is NaN": lambda: np.insert(_BOXES, 4, np.nan, axis=1),
    "a tuple of columns": lambda: (_BOXES, [0.5, 0.25], [0, 2]),
    "a dict": lambda: {"boxes": _BOXES},
    "a dict with masks that are NaN": lambda: _masked(np.nan),
    "a dict with masks of the largest floats": lambda: _masked(3e38),
    "a dict with keypoints that are infinite": lambda: {
        "boxes": _BOXES,
        "keypoints": np.full((2, 3, 2), np.inf),
    },
    "boxes that are NaN": lambda: _results(_BOXES * np.nan),
    "boxes that are infinite": lambda: _results(_BOXES * np.inf),
    "boxes of negative size": lambda: _results(_BOXES[:, [2, 3, 0, 1]]),
    "boxes without size": lambda: _results(_BOXES[:, [0, 1, 0, 1]]),
    "boxes of the largest floats": lambda: _results(np.sign(_BOXES - 30) * 3e38),
    "boxes of a million pixels": lambda: _results(np.tile([-1e6, -1e6, 1e6, 1e6], (2, 1))),
    "boxes of the smallest size": lambda: _results(np.tile([9, 9, 9.000001, 9.000001], (2, 1))),
    "boxes far outside": lambda: _results(_BOXES + 1e5),
    "boxes in double precision": lambda: _results(_BOXES.astype(np.float64)),
    "boxes in half precision": lambda: _results(_BOXES.astype(np.float16)),
    "boxes of integers": lambda: _results(_BOXES.astype(np.int64)),
    "boxes of small integers": lambda: _results(_BOXES.astype(np.uint8)),
    "boxes of truth values": lambda: _results(_BOXES.astype(bool)),
    "boxes of foreign byte order": lambda: _results(_BOXES.astype(">f4")),
    "boxes that are not contiguous": lambda: _results(np.asfortranarray(_BOXES)),
    "boxes with a negative stride": lambda: _results(_BOXES[::-1]),
    "boxes that cannot be written": lambda: _results(_read_only()),
    "boxes in lists": lambda: _results(_BOXES.tolist(), [1, 1], [0, 0]),
    "a matrix": lambda: _results(np.asmatrix(_BOXES)),
    "a masked array": lambda: _results(np.ma.masked_less(_BOXES, 20)),
    "a tensor of bfloat16": lambda: _results(_tensor("bfloat16")),
    "a tensor of float16": lambda: _results(_tensor("float16")),
    "a tensor of integers": lambda: _results(_tensor("int32")),
    "confidences above 1": lambda: _results(conf=_FLAT * 95),
    "confidences below 0": lambda: _results(conf=-_FLAT),
    "confidences that are NaN": lambda: _results(conf=_FLAT * np.nan),
    "confidences of the largest floats": lambda: _results(conf=_FLAT * 3e38),
    "one confidence for all": lambda: _results(conf=0.5),
    "neither confidences nor classes": lambda: _results(conf=None, cls=None),
    "negative classes": lambda: _results(cls=[-1, -(2**62)]),
    "large classes": lambda: _results(cls=[2**62, 2**63 - 1]),
    "classes with fractions": lambda: _results(cls=[0.5, 1.5]),
    "fifty thousand boxes": lambda: _results(_crowd(), None, None),
    "embeddings of zeros": lambda: _embedded(np.zeros((2, 8), np.float32)),
    "embeddings of no numbers": lambda: _embedded(np.ones((2, 0), np.float32)),
    "embeddings of the largest floats": lambda: _embedded(np.full((2, 8), 3e38, np.float32)),
    "embeddings in half precision": lambda: _embedded(np.ones((2, 8), np.float16)),
}
"""Each is tracked, or left out."""


class Answering:
    """A detector that always gives an answer of these."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __call__(self, _: Frame) -> Any:
        return {**BAD, **GOOD}[self._name]()

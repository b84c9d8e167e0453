"""Recognition and decoding of what detectors' graphs answer."""

import warnings
from collections.abc import Mapping

import numpy as np

from fuzz.inputs import allow_refusal
from mvot_plugin.detectors.onnx.family import refuse_misfits
from mvot_plugin.detectors.onnx.image_graph import ImageGraph
from mvot_plugin.detectors.onnx.recognition import recognize
from mvot_plugin.detectors.onnx.suppression import suppress_duplicates

SIZE = 32, 64
"""The image's; the pyramids have 42 cells, and those with anchors 126 rows."""
NAMES = ("y", "dets", "labels", "pred_boxes", "logits", "boxes", "scores", "classes")
NAMES += ("detection_boxes:0", "detection_scores:0", "detection_classes:0", "bboxes")
KINDS = ("f4", "f2", "f8", "i8", "i4", "u1", "?")
FLAGS = ("names", "args", "end2end", "task")
MOST_NUMBERS = 50_000


def check(data: bytes) -> None:
    """Recognize a graph by an answer, then decode two more."""
    reader = Reader(data)
    graph = AnsweringGraph(reader)
    with allow_refusal(), warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        family = recognize(graph, SIZE)
        assert family.names
        for conf in (0.0, 0.25):
            with refuse_misfits(graph.name):
                found = family.decode(graph.answer(), SIZE, conf)
            kept = suppress_duplicates(found, family.iou)
            assert len(kept) <= min(300, len(found))


class Reader:
    """Draws from bytes; zeros when they are over."""

    def __init__(self, data: bytes) -> None:
        self._data, self._next = data, 0

    def take(self, count: int) -> bytes:
        """The next bytes."""
        self._next += count
        return self._data[self._next - count : self._next].ljust(count, b"\0")

    def number(self) -> int:
        """The next byte."""
        return self.take(1)[0]


class AnsweringGraph(ImageGraph):
    """Answers with arrays of random shapes, which stay the same, and of random numbers."""

    def __init__(self, reader: Reader) -> None:
        self.name, self._reader = "network.onnx", reader
        self.metadata: dict[str, str] = {}
        for _ in range(reader.number() % 3):
            flag = FLAGS[reader.number() % len(FLAGS)]
            self.metadata[flag] = reader.take(reader.number()).rstrip(b"\0").decode("latin-1")
        self._shapes = [self._draw_shape() for _ in range(1 + reader.number() % 4)]

    def run_on_noise(self, size: tuple[int, int]) -> Mapping[str, np.ndarray]:
        """The first answer."""
        return self.answer()

    def answer(self) -> Mapping[str, np.ndarray]:
        """Arrays whose numbers repeat after a few."""
        answers = {}
        for name, kind, shape in self._shapes:
            numbers = self._reader.take((1 + self._reader.number()) * kind.itemsize)
            answers[name] = np.resize(np.frombuffer(numbers, kind), shape)
        return answers

    def _draw_shape(self) -> tuple[str, np.dtype, tuple[int, ...]]:
        reader = self._reader
        name = NAMES[reader.number() % len(NAMES)]
        kind = np.dtype(KINDS[reader.number() % len(KINDS)])
        shape = tuple(reader.number() for _ in range(reader.number() % 5))
        return name, kind, shape if np.prod(shape) <= MOST_NUMBERS else shape[:2]

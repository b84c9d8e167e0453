"""The detector."""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from mvot_plugin.detectors.base import Classes
from mvot_plugin.detectors.classes import select_classes
from mvot_plugin.detectors.onnx.family import refuse_misfits
from mvot_plugin.detectors.onnx.preparation import Letterbox, to_array
from mvot_plugin.detectors.onnx.suppression import suppress_duplicates
from mvot_plugin.errors import InputError, UsageError
from mvot_plugin.types import Detections, Frame

__all__ = ["OnnxDetector"]

_SIDE = 640
_STRIDE = 32
_MOST_PIXELS = 50_000_000
"""Of the images that a model takes."""


class OnnxDetector:
    """A detector from an ONNX file, run on the CPU; building it runs it once.

    Exports of YOLO (ultralytics, v5 to v10, 11, 26), YOLOX, NanoDet, RT-DETR and RF-DETR, and of
    SSD and CenterNet with boxes, scores and classes, are recognised by what they take and answer.

    Args:
        model: The file.
        conf: The least confidence of a detection, in 0..1.
        classes: The classes to detect, by name or number: ``["person", 2]`` or ``"person,2"``;
            None or an empty sequence is all of the model's.
        iou: The largest overlap (IoU) of two detections of a class, of models that leave
            duplicates; None is the family's usual one.
        image_size: The longer side, in pixels, that frames are scaled to, for models that take any
            size; None is the file's own, or 640.
        threads: How many threads it may use; None is as many as the process may use.

    Attributes:
        is_thread_safe: True: several threads may call it at once.
        names: The model's class names by number: those in its metadata, COCO's for 80 classes or
            where it does not say how many it has, and otherwise class0, class1, ...

    Raises:
        UsageError: The model does not have a class, or ``conf``, ``iou`` or ``threads`` is out of
            range.
        InputError: The file is missing, or is no export that is understood.

    Examples:
        >>> from pathlib import Path
        >>> import mvot_plugin
        >>> from mvot_plugin.detectors import OnnxDetector
        >>> from mvot_synthetic import street
        >>> model = Path(mvot_plugin.__file__).parent / "pretrained" / "detector-n.onnx"
        >>> detector = OnnxDetector(model, conf=0.3, classes=["person"], threads=1)
        >>> found = detector(street(seed=2, frames=1).frame(0))
        >>> set(found.class_id.tolist()) <= {0}, detector.names[0]
        (True, 'person')
    """

    is_thread_safe = True
    names: Mapping[int, str]

    def __init__(
        self,
        model: str | Path,
        *,
        conf: float = 0.25,
        classes: Classes = None,
        iou: float | None = None,
        image_size: int | None = None,
        threads: int | None = None,
    ) -> None:
        from mvot_plugin.detectors.onnx.image_graph import ImageGraph
        from mvot_plugin.detectors.onnx.recognition import recognize

        for option, value in (("conf", conf), ("iou", iou)):
            if value is not None and not 0 <= value <= 1:
                raise UsageError(f"{option} is a number from 0 to 1, got {value}")
        self._graph = ImageGraph(Path(model), threads=threads)
        fixed, metadata = self._graph.argument.size, self._graph.metadata
        longest = image_size or max(_read_integers(metadata.get("imgsz"), _SIDE))
        stride = max(_read_integers(metadata.get("stride"), _STRIDE))
        if fixed is not None and image_size not in (None, *fixed):
            raise UsageError(f"{model}: takes images of {fixed[1]}x{fixed[0]} only")
        probed = fixed or (-(-longest // stride) * stride,) * 2
        if not 0 < probed[0] * probed[1] <= _MOST_PIXELS:
            raise InputError(f"{model}: takes images of {probed[1]}x{probed[0]}, which is no size")
        self._family = recognize(self._graph, probed)
        self._letterbox = Letterbox(
            size=fixed,
            fit=self._family.fit,
            pad=self._family.pad,
            longest=longest,
            stride=stride,
        )
        self.names = dict(self._family.names)
        self._conf, self._iou = conf, self._family.iou if iou is None else iou
        self._classes = select_classes(classes, self.names) if classes else None

    def __call__(self, frame: Frame, /) -> Detections:
        """Run the model on a frame.

        Args:
            frame: The frame.

        Returns:
            N detections, with boxes in pixels of the frame.
        """
        image, placement = self._letterbox(frame.image)
        argument, size = self._graph.argument, image.shape[:2]
        array = to_array(
            image, self._family.colors, argument.dtype, channels_last=argument.channels_last
        )
        outputs = self._graph(array, size)
        with refuse_misfits(self._graph.name):
            found = self._family.decode(outputs, size, self._conf)
        if self._classes is not None:
            found = found[np.isin(found.class_id, self._classes)]
        kept = suppress_duplicates(found, self._iou)
        return replace(kept, xyxy=placement.to_image(kept.xyxy, frame.image.shape[:2]))


def _read_integers(text: str | None, default: int) -> list[int]:
    """The positive integers in a text such as ``[416, 416]`` or ``32``, if any."""
    found = [int(digits) for digits in re.findall(r"\d{1,9}", text or "")]
    return [number for number in found if number] or [default]

"""Detectors: any callable from a frame, or an image, to detections; some can be loaded by name.

    detector = load_detector("yolo11n.pt", conf=0.3, classes=["person"])
    detections = detector(frame)

``as_detector`` makes a detector of any callable, ``as_detections`` takes what it returns.

Other packages register names in the entry point group ``mvot_plugin.detectors``: a callable that
takes ``conf``, ``classes`` and ``device`` by keyword and returns a detector.
"""

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mvot_plugin.detectors.base import (
    Classes,
    Detector,
    drop_unusable,
    keep_most_confident,
)
from mvot_plugin.detectors.callables import adapt_callable
from mvot_plugin.detectors.conversion import as_detections, from_supervision, from_ultralytics
from mvot_plugin.detectors.models import DEFAULT_MODEL, looks_like_model
from mvot_plugin.detectors.onnx import OnnxDetector
from mvot_plugin.detectors.packaged import packaged_model
from mvot_plugin.detectors.references import (
    REFERENCES,
    CodeModule,
    ReferencedDetector,
    find_object,
    split_reference,
)
from mvot_plugin.detectors.replay import ReplayDetector
from mvot_plugin.detectors.ultralytics import (
    LibraryNotFound,
    ModelNotFound,
    UltralyticsDetector,
    is_model,
)
from mvot_plugin.errors import (
    FallbackDetector,
    InputError,
    MvotError,
    UsageError,
    unknown_name,
)
from mvot_plugin.registry import build_registered, registered_names

__all__ = [
    "Classes",
    "Detector",
    "OnnxDetector",
    "ReplayDetector",
    "UltralyticsDetector",
    "as_detections",
    "as_detector",
    "detector_names",
    "drop_unusable",
    "from_supervision",
    "from_ultralytics",
    "keep_most_confident",
    "load_detector",
]

GROUP = "mvot_plugin.detectors"
_BUILT_IN = ("auto", "packaged", "replay", "ultralytics")
_GRAPH = ".onnx"
_REASONS: Mapping[type[MvotError], tuple[str, str]] = {
    LibraryNotFound: (
        "ultralytics is not installed",
        "for a better one, pip install 'mvot-plugin[yolo]', or name an ONNX file with --detector",
    ),
    ModelNotFound: (
        f"{DEFAULT_MODEL} could not be downloaded",
        "name a better one with --detector",
    ),
}
"""Why the packaged detector is used, and how to get a better one."""


def detector_names() -> list[str]:
    """The names of detectors besides models.

    Returns:
        Those built in, and those of other packages, sorted.

    Examples:
        >>> from mvot_plugin.detectors import detector_names
        >>> detector_names()
        ['auto', 'packaged', 'replay', 'ultralytics']
    """
    return sorted({*_BUILT_IN, *registered_names(GROUP)})


def load_detector(
    name: str,
    *,
    conf: float | None = None,
    classes: Classes = None,
    device: str = "auto",
    threads: int | None = None,
) -> Detector:
    """Load a detector by name.

    Args:
        name: ``"auto"`` (ultralytics' default model; where ultralytics is not installed, or the
            model is neither present nor can be downloaded, the packaged one, with a
            ``FallbackDetector`` warning), ``"ultralytics"`` (its default model), ``"packaged"``
            (the small detector that comes with this package), ``"replay:PATH"`` (a MOT
            ``det.txt``), a name that another package has registered,
            ``"package.module:function"`` or ``"path/file.py:function"`` (your own code: what
            ``as_detector`` takes, or a class that is built without arguments; the current folder,
            or the file's, is searched for modules first, while it is imported), the path of an ONNX
            file (``OnnxDetector``), or the path or name of another model that ultralytics runs.
        conf: The least confidence of a detection; None is the detector's own threshold.
        classes: The classes to detect, by name or number; None or an empty sequence is all.
        device: ``"auto"``, or a torch device such as ``"cpu"`` or ``"cuda:0"``; ONNX files run on
            the CPU, and your own code where it says.
        threads: How many threads an ONNX file may use; None is as many as the process may use.

    Returns:
        The detector, a callable from a frame to its detections.

    Raises:
        UsageError: The name is none of these, or an option does not fit the detector.
        InputError: A model or file cannot be found or used, or your own code raises an error.

    Examples:
        >>> from mvot_plugin import load_detector
        >>> detector = load_detector("packaged", conf=0.3, classes=["person"])
        >>> detector.names[0]
        'person'
    """
    kind, _, path = name.partition(":")
    if kind == "replay":
        return _load_replay(path, conf=conf, classes=classes)
    if name in registered_names(GROUP) and name not in _BUILT_IN:
        return _load_registered(name, conf=conf, classes=classes, device=device)
    if (reference := split_reference(name)) is not None:
        return _load_reference(*reference, conf=conf, classes=classes, device=device)
    return _load_model(name, 0.25 if conf is None else conf, classes, device, threads)


def as_detector(detector: str | Path | object) -> Detector:
    """Convert a name or path, an ultralytics model or any callable to a detector.

    Args:
        detector: One of these. A callable whose first parameter is annotated with ``Frame`` is a
            detector as it is. One that takes an image is given BGR uint8 of shape (height, width,
            3): it is annotated with an array (numpy's, also in jaxtyping or as a text), or the
            first call finds out, with a ``GuessedInput`` warning. It may return what
            ``as_detections`` takes.

    Returns:
        The detector.

    Raises:
        UsageError: It is none of these. ``load_detector`` may raise others.

    Examples:
        >>> import numpy as np
        >>> from mvot_plugin.detectors import as_detector
        >>> from mvot_plugin.types import as_frame
        >>> def detect(image: np.ndarray): return [[10, 20, 50, 80, 0.9]]
        >>> as_detector(detect)(as_frame(np.zeros((240, 320, 3), np.uint8))).xyxy.tolist()
        [[10.0, 20.0, 50.0, 80.0]]
    """
    if isinstance(detector, (str, Path)):
        return load_detector(str(detector))
    if is_model(detector):
        return UltralyticsDetector(detector)
    if callable(detector):
        return adapt_callable(detector)
    raise UsageError(
        "a detector is a callable that takes a frame or an image, the name or path of a model, or "
        f"an ultralytics model, got {type(detector).__name__}"
    )


def _load_model(
    name: str, conf: float, classes: Classes, device: str, threads: int | None
) -> Detector:
    """The detector that a model, or one of our names for models, stands for."""
    if name == "packaged":
        model = _find_packaged_model()
        return OnnxDetector(model, conf=conf, classes=classes, threads=threads)
    if name.lower().endswith(_GRAPH):
        return OnnxDetector(name, conf=conf, classes=classes, threads=threads)
    if name == "auto":
        return _load_best(conf, classes, device, threads)
    if name not in _BUILT_IN and not looks_like_model(name):
        if name.lower().endswith(".py"):
            raise UsageError(f"detector {name} is a file: name its function, too, {name}:FUNCTION")
        raise unknown_name("detector", name, [*detector_names(), DEFAULT_MODEL, *REFERENCES])
    model_name = None if name == "ultralytics" else name
    return UltralyticsDetector(model_name, conf=conf, classes=classes, device=device)


def _load_best(conf: float, classes: Classes, device: str, threads: int | None) -> Detector:
    """Ultralytics' default model, or the packaged one where that is not available."""
    try:
        return UltralyticsDetector(conf=conf, classes=classes, device=device)
    except (LibraryNotFound, ModelNotFound) as error:
        model = packaged_model()
        if model is None:
            raise
        reason, remedy = _REASONS[type(error)]
    warnings.warn(
        f"{reason}: the small detector that comes with this package, {model.stem}, is used "
        f"instead; {remedy}",
        FallbackDetector,
        stacklevel=4,
    )
    return OnnxDetector(model, conf=conf, classes=classes, threads=threads)


def _find_packaged_model() -> Path:
    model = packaged_model()
    if model is None:
        raise InputError(
            "this copy of the package has no detector; name another, such as "
            f"{DEFAULT_MODEL}, or give a file of detections (--detections FILE)"
        )
    return model


def _load_replay(path: str, *, conf: float | None, classes: Classes) -> ReplayDetector:
    if not path:
        raise UsageError("the replay detector needs a MOT file: replay:PATH")
    if classes:
        raise UsageError("replayed detections carry no classes to select; leave classes out")
    return ReplayDetector(path, conf=conf)


def _load_reference(
    target: str, attribute: str, *, conf: float | None, classes: Classes, device: str
) -> Detector:
    module = CodeModule(target)
    found = find_object(module, attribute)
    if is_model(found):
        least = 0.25 if conf is None else conf
        return UltralyticsDetector(found, conf=least, classes=classes, device=device)
    return ReferencedDetector(module, adapt_callable(found), conf, classes)


def _load_registered(name: str, **options: Any) -> Detector:
    detector: object = build_registered(GROUP, name, **options)
    if not callable(detector):
        raise InputError(
            f"detector {name!r} must be callable with a frame, got a {type(detector).__name__}"
        )
    return adapt_callable(detector)

"""Detectors: any callable from a frame to detections, and the ones that have a name.

    detector = load_detector("yolo11n.pt", conf=0.3, classes=["person"])
    detections = detector(frame)

Another package adds a name through the entry point group ``mvot_plugin.detectors``: a callable
that takes ``conf``, ``classes`` and ``device`` by keyword and returns a detector.
"""

import warnings
from pathlib import Path
from typing import Any

from mvot_plugin.detectors.base import (
    Classes,
    Detector,
    as_detections,
    from_supervision,
    from_ultralytics,
    of_classes,
    usable,
)
from mvot_plugin.detectors.packaged import packaged_model
from mvot_plugin.detectors.replay import ReplayDetector
from mvot_plugin.detectors.ultralytics import (
    DEFAULT_MODEL,
    ModelNotFound,
    UltralyticsDetector,
    is_model,
    looks_like_model,
)
from mvot_plugin.errors import FallbackDetector, InputError, UsageError, unknown_name
from mvot_plugin.registry import build_registered, registered_names

__all__ = [
    "Classes",
    "Detector",
    "ReplayDetector",
    "UltralyticsDetector",
    "as_detections",
    "as_detector",
    "detector_names",
    "from_supervision",
    "from_ultralytics",
    "load_detector",
    "of_classes",
    "usable",
]

GROUP = "mvot_plugin.detectors"
_BUILT_IN = ("packaged", "replay", "ultralytics")


def detector_names() -> list[str]:
    """The names that ``load_detector`` knows besides models: built in, and of other packages."""
    return sorted({*_BUILT_IN, *registered_names(GROUP)})


def load_detector(
    name: str,
    *,
    conf: float | None = None,
    classes: Classes = None,
    device: str = "auto",
) -> Detector:
    """The detector of that name.

    ``name`` is ``"ultralytics"`` (its default model), ``"packaged"`` (the small one that comes with
    this package), ``"replay:PATH"`` (a MOT ``det.txt``), one that another package has registered,
    or the path or name of a model that ultralytics runs. ``conf`` None is the detector's own
    threshold; ``classes`` are names or numbers. Where the default model is neither here nor to be
    downloaded, the packaged one stands in, with a ``FallbackDetector`` warning.

    Raises ``UsageError`` for a name that is none of these, and what the detector itself raises.
    """
    kind, _, path = name.partition(":")
    if kind == "replay":
        return _replay(path, conf=conf, classes=classes)
    if name in registered_names(GROUP) and name not in _BUILT_IN:
        return _registered(name, conf=conf, classes=classes, device=device)
    if name not in _BUILT_IN and not looks_like_model(name):
        raise unknown_name("detector", name, [*detector_names(), DEFAULT_MODEL])
    options: dict[str, Any] = {
        "conf": 0.25 if conf is None else conf,
        "classes": classes,
        "device": device,
    }
    if name == "packaged":
        return UltralyticsDetector(_packaged(), **options)
    return _default(**options) if name == "ultralytics" else UltralyticsDetector(name, **options)


def as_detector(detector: str | Path | object) -> Detector:
    """A detector from what a user has: a name or path, an ultralytics model, any callable.

    Raises ``UsageError`` for what is none of these, and what ``load_detector`` raises.
    """
    if isinstance(detector, (str, Path)):
        return load_detector(str(detector))
    if is_model(detector):
        return UltralyticsDetector(detector)
    if callable(detector):
        return detector
    raise UsageError(
        "a detector is a callable that takes a frame, the name or path of a model, or an "
        f"ultralytics model, got {type(detector).__name__}"
    )


def _default(**options: Any) -> UltralyticsDetector:
    """Ultralytics' default model, or the packaged one where that cannot be had."""
    try:
        return UltralyticsDetector(DEFAULT_MODEL, **options)
    except ModelNotFound:
        model = packaged_model()
        if model is None:
            raise
    warnings.warn(
        f"{DEFAULT_MODEL} is not here and could not be downloaded: the small detector that comes "
        f"with this package, {model.stem}, stands in for it; name a better one with --detector",
        FallbackDetector,
        stacklevel=3,
    )
    return UltralyticsDetector(model, **options)


def _packaged() -> Path:
    model = packaged_model()
    if model is None:
        raise InputError(
            "this copy of the package came without its detector; name another, such as "
            f"{DEFAULT_MODEL}, or give a file of detections (--detections FILE)"
        )
    return model


def _replay(path: str, *, conf: float | None, classes: Classes) -> ReplayDetector:
    if not path:
        raise UsageError("the replay detector needs a MOT file: replay:PATH")
    if classes:
        raise UsageError("replayed detections carry no classes to choose from; leave classes out")
    return ReplayDetector(path, conf=conf)


def _registered(name: str, **options: Any) -> Detector:
    detector: object = build_registered(GROUP, name, **options)
    if not callable(detector):
        raise InputError(
            f"detector {name!r} must be callable with a frame, got a {type(detector).__name__}"
        )
    return detector

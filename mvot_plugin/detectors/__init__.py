"""Detectors: any callable from a frame to detections; some can be loaded by name.

    detector = load_detector("yolo11n.pt", conf=0.3, classes=["person"])
    detections = detector(frame)

Other packages register names in the entry point group ``mvot_plugin.detectors``: a callable that
takes ``conf``, ``classes`` and ``device`` by keyword and returns a detector.
"""

import warnings
from pathlib import Path
from typing import Any

from mvot_plugin.detectors.base import (
    Classes,
    Detector,
    as_detections,
    drop_unusable,
    from_supervision,
    from_ultralytics,
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
    "drop_unusable",
    "from_supervision",
    "from_ultralytics",
    "load_detector",
]

GROUP = "mvot_plugin.detectors"
_BUILT_IN = ("packaged", "replay", "ultralytics")


def detector_names() -> list[str]:
    """The names of detectors besides models: those built in, and those of other packages."""
    return sorted({*_BUILT_IN, *registered_names(GROUP)})


def load_detector(
    name: str,
    *,
    conf: float | None = None,
    classes: Classes = None,
    device: str = "auto",
) -> Detector:
    """Load a detector by name.

    Where ultralytics' default model is neither present nor can be downloaded, the packaged one is
    loaded, with a ``FallbackDetector`` warning.

    Args:
        name: ``"ultralytics"`` (its default model), ``"packaged"`` (the small detector that comes
            with this package), ``"replay:PATH"`` (a MOT ``det.txt``), a name that another package
            has registered, or the path or name of a model that ultralytics runs.
        conf: The least confidence of a detection; None is the detector's own threshold.
        classes: The classes to detect, by name or number; None or an empty sequence is all.
        device: ``"auto"``, or a torch device such as ``"cpu"`` or ``"cuda:0"``.

    Returns:
        The detector, a callable from a frame to its detections.

    Raises:
        UsageError: The name is none of these, or an option does not fit the detector.
        InputError: A model or file cannot be found or used.
    """
    kind, _, path = name.partition(":")
    if kind == "replay":
        return _load_replay(path, conf=conf, classes=classes)
    if name in registered_names(GROUP) and name not in _BUILT_IN:
        return _load_registered(name, conf=conf, classes=classes, device=device)
    if name not in _BUILT_IN and not looks_like_model(name):
        raise unknown_name("detector", name, [*detector_names(), DEFAULT_MODEL])
    options: dict[str, Any] = {
        "conf": 0.25 if conf is None else conf,
        "classes": classes,
        "device": device,
    }
    if name == "packaged":
        return UltralyticsDetector(_find_packaged_model(), **options)
    return (
        _load_default(**options) if name == "ultralytics" else UltralyticsDetector(name, **options)
    )


def as_detector(detector: str | Path | object) -> Detector:
    """Convert a name or path, an ultralytics model or any callable to a detector.

    Raises:
        UsageError: It is none of these. ``load_detector`` may raise others.
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


def _load_default(**options: Any) -> UltralyticsDetector:
    """Ultralytics' default model, or the packaged one where that is not available."""
    try:
        return UltralyticsDetector(DEFAULT_MODEL, **options)
    except ModelNotFound:
        model = packaged_model()
        if model is None:
            raise
    warnings.warn(
        f"{DEFAULT_MODEL} is not here and could not be downloaded: the small detector that comes "
        f"with this package, {model.stem}, is used instead; name a better one with --detector",
        FallbackDetector,
        stacklevel=3,
    )
    return UltralyticsDetector(model, **options)


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


def _load_registered(name: str, **options: Any) -> Detector:
    detector: object = build_registered(GROUP, name, **options)
    if not callable(detector):
        raise InputError(
            f"detector {name!r} must be callable with a frame, got a {type(detector).__name__}"
        )
    return detector

"""Loading what the settings of ``mvot-run`` name: engine, detector, scheduler and worker."""

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from mvot_pipelines.config import RunConfig
from mvot_pipelines.scheduling import Adaptive, EveryK, Scheduler
from mvot_pipelines.sources import Source
from mvot_plugin.detectors import (
    GROUP,
    Detector,
    OnnxDetector,
    ReplayDetector,
    UltralyticsDetector,
    load_detector,
)
from mvot_plugin.detectors.classes import find_class_names
from mvot_plugin.detectors.models import DEFAULT_MODEL
from mvot_plugin.detectors.packaged import packaged_model
from mvot_plugin.engines import load_engine
from mvot_plugin.engines.base import MotionEngine
from mvot_plugin.engines.table import ENGINES
from mvot_plugin.errors import UsageError
from mvot_plugin.extras import is_cpu, require_torch
from mvot_plugin.registry import registered_names
from mvot_plugin.types import Detections, Frame

__all__ = [
    "DeferredDetector",
    "build_scheduler",
    "choose_worker",
    "load_configured_detector",
    "load_configured_engine",
    "name_detector",
]


def load_configured_engine(config: RunConfig) -> MotionEngine[Any, Any]:
    """The engine that the settings name.

    Raises ``UsageError`` for a device that torch cannot use, or a GPU without torch, unless another
    package may use it.
    """
    engine = load_engine(
        config.engine,
        config.weights,
        config.device,
        config.precision,
        runtime=config.runtime,
        threads=config.threads,
    )
    is_ours = config.engine in ENGINES and config.detector not in registered_names(GROUP)
    if is_ours and config.device != "auto" and not is_cpu(config.device):
        require_torch(f"--device {config.device}")
        import_module("mvot_plugin.runtimes.devices").choose_device(config.device)
    return engine


def load_configured_detector(config: RunConfig) -> Detector:
    """The detector that the settings name."""
    if config.detections is not None:
        if config.classes:
            raise UsageError("--classes needs a --detector; replayed detections carry no classes")
        return ReplayDetector(config.detections, conf=config.conf)
    return load_detector(
        config.detector,
        conf=config.conf,
        classes=config.classes,
        device=config.device,
        threads=config.threads,
    )


def name_detector(config: RunConfig, detector: Detector) -> str:
    """The name of the detector that runs, for the report."""
    name = Path(config.detections or config.detector).name
    if config.detections is None and isinstance(detector, UltralyticsDetector):
        return Path(DEFAULT_MODEL).stem if config.detector in ("auto", "ultralytics") else name
    if config.detector in ("auto", "packaged") and isinstance(detector, OnnxDetector):
        model = packaged_model()
        return f"{model.stem if model else name} (packaged)"
    return name


class DeferredDetector:
    """The detector that the settings name, loaded by the process that first calls it.

    Attributes:
        names: The class names by number, once it is loaded, where it has any.
    """

    names: Mapping[int, str] | None = None

    def __init__(self, config: RunConfig) -> None:
        self._config = config
        self._detector: Detector | None = None

    def __call__(self, frame: Frame, /) -> Detections:
        """Detect objects."""
        if self._detector is None:
            self._detector = load_configured_detector(self._config)
            self.names = find_class_names(self._detector)
        return self._detector(frame)


def build_scheduler(config: RunConfig) -> Scheduler:
    """The scheduler that the settings ask for."""
    if isinstance(config.detect_every, int):
        return EveryK(k=config.detect_every * config.stride)
    return Adaptive(share=config.detector_share, budget=config.budget)


def choose_worker(config: RunConfig, source: Source) -> str | None:
    """Where the detector runs beside the tracker, "thread" or "process"; None: it does not.

    Raises ``UsageError`` for a recording, which is read as fast as it can be tracked.
    """
    if config.asynchronous == "auto":
        return "thread" if source.is_live else None
    if config.asynchronous == "wait":
        return None
    if not source.is_live:
        raise UsageError(
            f"{source.name} is a recording, whose frames wait for the detector: to run the "
            "detector beside the tracker, add --live, or leave --async out"
        )
    return config.asynchronous

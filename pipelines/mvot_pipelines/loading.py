"""Loading what the settings of ``mvot-run`` name: engine, detector, scheduler and worker."""

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from mvot_pipelines.config import RunConfig
from mvot_pipelines.scheduling import Adaptive, EveryK, Scheduler
from mvot_pipelines.sources import Source
from mvot_plugin.detectors import GROUP, Detector, ReplayDetector, load_detector
from mvot_plugin.engines import load_engine
from mvot_plugin.engines.base import MotionEngine
from mvot_plugin.engines.table import ENGINES
from mvot_plugin.errors import (
    ExecutableModel,
    FallbackDetector,
    UntrainedWeights,
    UsageError,
    format_line,
)
from mvot_plugin.extras import is_cpu, require_torch
from mvot_plugin.registry import registered_names
from mvot_plugin.types import Detections, Frame

__all__ = [
    "DeferredDetector",
    "build_scheduler",
    "choose_worker",
    "load_configured_detector",
    "load_configured_engine",
]


def load_configured_engine(config: RunConfig, notes: list[str]) -> MotionEngine[Any, Any]:
    """The engine that the settings name; its warnings are printed, and added to ``notes``.

    Raises ``UsageError`` for a device that torch cannot use, or a GPU without torch, unless another
    package may use it.
    """
    with _collect_warnings((UntrainedWeights,), notes):
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


def load_configured_detector(config: RunConfig, notes: list[str]) -> Detector:
    """The detector that the settings name; its warnings are printed, and added to ``notes``."""
    if config.detections is not None:
        if config.classes:
            raise UsageError("--classes needs a --detector; replayed detections carry no classes")
        return ReplayDetector(config.detections, conf=config.conf)
    with _collect_warnings((ExecutableModel, FallbackDetector), notes):
        return load_detector(
            config.detector,
            conf=config.conf,
            classes=config.classes,
            device=config.device,
            threads=config.threads,
        )


class DeferredDetector:
    """The detector that the settings name, loaded by the process that first calls it."""

    def __init__(self, config: RunConfig) -> None:
        self._config = config
        self._detector: Detector | None = None

    def __call__(self, frame: Frame, /) -> Detections:
        """Detect objects."""
        if self._detector is None:
            self._detector = load_configured_detector(self._config, [])
        return self._detector(frame)


def build_scheduler(config: RunConfig) -> Scheduler:
    """The scheduler that the settings ask for."""
    if isinstance(config.detect_every, int):
        return EveryK(k=config.detect_every)
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


@contextmanager
def _collect_warnings(categories: tuple[type[Warning], ...], notes: list[str]) -> Iterator[None]:
    """Print warnings of some categories to stderr, and add them to ``notes``."""
    with warnings.catch_warnings(record=True) as caught:
        for category in categories:
            warnings.simplefilter("always", category)
        try:
            yield
        finally:
            messages = [str(w.message) for w in caught if issubclass(w.category, categories)]
            for message in messages:
                print(f"mvot-run: warning: {format_line(message)}", file=sys.stderr)
            notes += messages

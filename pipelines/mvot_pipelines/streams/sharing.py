"""What streams share: one engine, one embedder, and one detector whose turns they take."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from mvot_pipelines.config import RunConfig
from mvot_pipelines.detection.process import ProcessStage
from mvot_pipelines.detection.shared import SharedDetector
from mvot_pipelines.detection.stage import Answer, DetectionStage
from mvot_pipelines.loading import (
    DeferredDetector,
    load_configured_detector,
    load_configured_engine,
    name_detector,
)
from mvot_pipelines.streams.parts import Parts
from mvot_plugin.detectors import Detector
from mvot_plugin.detectors.base import SupportsBatches
from mvot_plugin.detectors.classes import find_class_names
from mvot_plugin.embedders import ColourEmbedder, Embedder, OnnxEmbedder, load_embedder
from mvot_plugin.extras import has_cuda_driver, is_cpu
from mvot_plugin.threads import check_threads
from mvot_plugin.types import Detections, Frame

__all__ = ["load_shared_parts", "serialize_embedder", "share_detector"]

_GPU_BATCH, _PATIENCE = 8, 0.003
"""Frames of a call on a GPU, and the seconds for which it waits for them."""


@contextmanager
def load_shared_parts(
    config: RunConfig, streams: int, *, in_process: bool = False
) -> Iterator[Parts]:
    """Load what so many streams share, for the body of a ``with``.

    Args:
        config: the settings that hold for all.
        streams: how many streams there are; they run side by side, on a part of the threads each.
        in_process: whether the detector runs in a process of its own.
    """
    threads = check_threads(config.threads)
    own = replace(config, threads=max(1, threads // streams))
    engine = load_configured_engine(own)
    embedder = serialize_embedder(load_embedder(config.embedder, threads=own.threads))
    detector = load_configured_detector(replace(config, threads=1) if streams > 1 else config)
    name = name_detector(config, detector)
    if in_process:
        detector = _ProcessDetector(config, detector)
    with share_detector(detector, threads, batch=_choose_batch(config, detector)) as shared:
        yield Parts(engine=engine, embedder=embedder, detector=shared, detector_name=name)


def share_detector(
    detector: Detector, threads: int, *, batch: int = 1, patience: float = _PATIENCE
) -> SharedDetector:
    """A detector that streams share; calls run side by side where the detector is made for that.

    On a processor that is faster than batches, whose frames take as long as if they came alone.
    """
    is_thread_safe = getattr(detector, "is_thread_safe", False)
    batch = batch if isinstance(detector, SupportsBatches) else 1
    workers = threads if is_thread_safe and batch == 1 else 1
    return SharedDetector(detector, workers=workers, batch=batch, patience=patience)


def serialize_embedder(embedder: Embedder | None) -> Embedder | None:
    """An embedder that threads may share: one of others is called by one of them at a time."""
    if embedder is None or isinstance(embedder, (ColourEmbedder, OnnxEmbedder)):
        return embedder
    return _SerialEmbedder(embedder)


def _choose_batch(config: RunConfig, detector: Detector) -> int:
    """The most frames of a call."""
    if not isinstance(detector, SupportsBatches):
        return 1
    if config.detector_batch is not None:
        return config.detector_batch
    return 1 if is_cpu(config.device) or not has_cuda_driver() else _GPU_BATCH


class _SerialEmbedder:
    """An embedder that is called by one thread at a time."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder, self._lock = embedder, threading.Lock()

    def __call__(self, frame: Frame, boxes: np.ndarray, /) -> Any:
        with self._lock:
            return self._embedder(frame, boxes)


class _ProcessDetector:
    """The detector that the settings name, in a process of its own, begun again where it ended."""

    def __init__(self, config: RunConfig, detector: Detector) -> None:
        self.names = find_class_names(detector)
        self._stage = ProcessStage(partial(DetectionStage, DeferredDetector(config), None))

    def __call__(self, frame: Frame, /) -> Detections:
        answer: Answer = self._stage(frame)
        if answer.detections is None:
            raise answer.error or RuntimeError("it gave no answer")
        return answer.detections

    def stop(self) -> None:
        """End the process, and with it a call that hangs."""
        self._stage.stop()

"""Detection beside the tracker: the stage that a worker runs, and workers."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from mvot_pipelines.detection.process import ProcessStage
from mvot_pipelines.detection.stage import Answer, DescriptionStage, DetectionStage
from mvot_pipelines.detection.worker import DetectionWorker, DirectWorker, Stage, ThreadWorker
from mvot_plugin.errors import unknown_name

__all__ = [
    "Answer",
    "DescriptionStage",
    "DetectionStage",
    "DetectionWorker",
    "Stage",
    "open_worker",
]


def open_worker(
    asynchronous: bool | str | Callable[[Stage], DetectionWorker],
    detector: str | Path | object,
    embedder: str | Path | object | None,
    *,
    timeout: float,
    clock: Callable[[], float],
    most: int | None = None,
    class_names: Mapping[int, str] | None = None,
) -> DetectionWorker:
    """Open the worker that runs a detector and an embedder.

    Args:
        asynchronous: False to detect while the tracker waits; True or "thread" for a thread;
            "process" for a process, which loads detector and embedder itself; or a callable that
            makes a worker of the detection stage.
        detector: a detector, or what ``as_detector`` makes one of.
        embedder: an embedder, what ``as_embedder`` makes one of, or None.
        timeout: seconds after which a call in a thread or process is given up.
        clock: returns seconds, for the time that the stages take.
        most: the most detections of a frame; None is any number.
        class_names: the names of the classes; None takes what detector or detections say.

    Raises:
        UsageError: for an unknown detector, embedder or worker, or for a process where detector
            or embedder cannot be sent to one.
    """
    if asynchronous == "process":
        build = partial(DetectionStage, detector, embedder, most=most, class_names=class_names)
        return ThreadWorker(ProcessStage(build), timeout)
    stage = DetectionStage(detector, embedder, clock, most=most, class_names=class_names)
    if callable(asynchronous):
        return asynchronous(stage)
    if isinstance(asynchronous, str) and asynchronous != "thread":
        raise unknown_name("worker", asynchronous, ("thread", "process"))
    return ThreadWorker(stage, timeout) if asynchronous else DirectWorker(stage)

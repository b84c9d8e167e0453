"""What a frame of a stream costs the processor, by stage."""

import time
from collections.abc import Sequence
from functools import partial
from typing import Any

from mvot_benchmarks.streams.clips import Clip
from mvot_benchmarks.streams.results import StreamCost
from mvot_pipelines.pipeline import MotPipeline
from mvot_pipelines.sources import open_source
from mvot_plugin.detectors import Detector
from mvot_plugin.engines.base import MotionEngine
from mvot_plugin.errors import InputError
from mvot_plugin.timing import StageTimer
from mvot_plugin.types import Detections, Frame

__all__ = ["STAGES", "CostBenchmark", "count_frames"]

STAGES = ("decode", "detect", "embed", "motion", "associate")
"""The stages of a frame; what is left is the pipeline's own."""
_MILLISECONDS = 1e3


class CostBenchmark:
    """A clip that engines track, one after another, in this thread.

    The time is the processor's, of all threads of the process together, so nothing else may be at
    work in it. Frames are decoded first, and tracked from memory, since a decoder works ahead in
    threads of its own.

    Args:
        clip: The video, and the detections to replay.
        targets: The pedestrians in it.
        fps: The frame rate that a stream is to have.

    Raises:
        InputError: The clip cannot be read.
    """

    def __init__(self, clip: Clip, targets: int, fps: float) -> None:
        self._clip, self._targets, self._fps = clip, targets, fps
        with open_source(clip.path) as source:
            start = time.process_time()
            self._frames = list(source)
            spent = time.process_time() - start
        self._decode = _MILLISECONDS * spent / max(len(self._frames), 1)

    def measure(
        self,
        name: str,
        engine: MotionEngine[Any, Any],
        k: int,
        label: str,
        detector: Detector | None,
    ) -> StreamCost:
        """Measure an engine with a detector on every k-th frame.

        Args:
            name: The engine's name in tables.
            engine: The engine.
            k: The interval of the detector, in frames.
            label: The detector's name in tables.
            detector: The detector, whose time counts; the detections are the clip's in any case,
                so that there are as many targets. None costs nothing.

        Returns:
            The mean over whole intervals; the first one, in which tracks begin, does not count.

        Raises:
            InputError: The clip has fewer frames than two intervals, or the detector failed.
        """
        counted = count_frames(len(self._frames), k)
        if counted < 1:
            raise InputError(f"{len(self._frames)} frames are too few for an interval of {k}")
        timer = StageTimer(time.process_time)
        detect = partial(self._detect, detector)
        pipeline = MotPipeline(detect, engine, k, timer=timer)
        _track(pipeline, self._frames[:k])
        timer.seconds.clear()
        start = time.process_time()
        boxes = _track(pipeline, self._frames[k : k + counted])
        spent = _MILLISECONDS * (time.process_time() - start) / counted
        stages = {one: _MILLISECONDS * timer.seconds.get(one, 0.0) / counted for one in STAGES}
        return StreamCost(
            engine=name,
            detector=label,
            targets=self._targets,
            k=k,
            fps=self._fps,
            frames=counted,
            tracks=boxes / counted,
            total=self._decode + spent,
            stages={**stages, "decode": self._decode},
        )

    def _detect(self, detector: Detector | None, frame: Frame) -> Detections:
        """Spend the time of a detector; returns the clip's detections."""
        if detector is not None:
            detector(frame)
        return self._clip.replay(frame)


def count_frames(frames: int, k: int) -> int:
    """The frames that count among some: whole intervals of ``k`` after the first."""
    return (frames // k - 1) * k


def _track(pipeline: MotPipeline, frames: Sequence[Frame]) -> int:
    """Track onto some frames; returns the number of boxes."""
    return sum(len(pipeline.step(frame)) for frame in frames)

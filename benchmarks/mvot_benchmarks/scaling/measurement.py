"""``mvot-bench scaling``: frames per second against the number of targets (SiamMT 4.3 and 4.4).

Engines alone, without detector and association. All engines track the same boxes over the same
frames, and take turns on each frame, so that a busy machine slows all of them alike. The boxes are
random ones, not those of objects in the frames, so that there can be any number of them; they are
of 20x40 to 60x120 pixels whatever the frame's size, with areas on pyramid levels 1 to 3.
"""

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from jaxtyping import Float32

from mvot_pipelines.sources import open_source
from mvot_plugin.engines import MotionEngine
from mvot_plugin.errors import InputError
from mvot_plugin.timing import StageTimer
from mvot_plugin.types import XYXY, Frame
from mvot_synthetic import street

__all__ = ["LARGEST_BOX", "ScalingBenchmark", "ScalingRow", "choose_clock", "read_frames"]

SMALLEST_BOX, LARGEST_BOX = (20, 40), (60, 120)
"""Width and height, in pixels."""
WARM_UP = 2
"""Enrolments, and tracked frames, that are not counted."""
ENROLMENTS = WARM_UP + 2
"""The first frames, on each of which the targets are enrolled again."""


@dataclass(frozen=True, kw_only=True)
class ScalingRow:
    """What one engine's frames cost with a number of targets: medians, in milliseconds."""

    engine: str
    size: tuple[int, int]
    """(width, height) of the frames, in pixels."""
    targets: int
    """The number of targets."""
    frame: float
    """``observe`` and ``track``, timed as one."""
    enroll: float
    """Enrolling all targets."""
    observe: float
    """Timed in a second pass, as ``track`` and the stages; each waits for the GPU to finish."""
    track: float
    stages: dict[str, float]
    """The stages within ``observe`` and ``track``; empty for an engine without stages."""

    @property
    def fps(self) -> float:
        """Frames per second, of the engine alone."""
        return 1000 / self.frame


class ScalingBenchmark:
    """Engines by name, measured against each other.

    Args:
        engines: The engines; the targets of one are tracked only once, from frame to frame.
        clock: The time in seconds; see ``choose_clock`` where engines may run on a GPU.
    """

    def __init__(
        self,
        engines: Mapping[str, MotionEngine[Any, Any]],
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._runners = {name: _Runner(engine, clock) for name, engine in engines.items()}

    def measure(self, frames: Sequence[Frame], targets: int) -> dict[str, ScalingRow]:
        """Each engine with a number of targets on consecutive frames, of ``read_frames``."""
        size = frames[0].size
        boxes = _sample_boxes(size, targets)
        first, rest = frames[:ENROLMENTS], frames[ENROLMENTS:]
        enrolled = self._median_costs(first, lambda runner, frame: runner.enroll(frame, boxes))
        frame_costs = self._median_costs(rest, _Runner.step)
        for runner in self._runners.values():
            runner.enroll(first[-1], boxes)
        stages = self._median_costs(rest, _Runner.step_by_stage)
        return {
            name: ScalingRow(
                engine=name,
                size=size,
                targets=targets,
                **frame_costs[name],
                **enrolled[name],
                observe=stages[name].pop("observe"),
                track=stages[name].pop("track"),
                stages=stages[name],
            )
            for name in self._runners
        }

    def _median_costs(
        self, frames: Sequence[Frame], run: Callable[["_Runner", Frame], dict[str, float]]
    ) -> dict[str, dict[str, float]]:
        """Medians of the costs that ``run`` returns, of every engine on every frame."""
        costs: dict[str, list[dict[str, float]]] = {name: [] for name in self._runners}
        for number, frame in enumerate(frames):
            for name in _rotate(list(self._runners), number):
                costs[name].append(run(self._runners[name], frame))
        return {name: _medians(each[WARM_UP:]) for name, each in costs.items()}


def choose_clock(device: str) -> Callable[[], float]:
    """A clock in seconds for engines on a device; it waits for a GPU that they may run on.

    Engines that run on a GPU have imported torch. Where none has, torch need not be installed.
    """
    if device == "cpu" or sys.modules.get("torch") is None:
        return time.perf_counter
    from mvot_plugin.runtimes.devices import choose_device, device_clock

    return device_clock(choose_device(device))


def read_frames(path: Path | None, size: tuple[int, int], count: int) -> list[Frame]:
    """The first frames of a video or folder, or of the synthetic street, of ``size``.

    They are as many as it takes to time ``count`` of them. Raises ``InputError`` for what cannot be
    read or is too short.
    """
    needed = ENROLMENTS + WARM_UP + count
    if path is None:
        return list(islice(street(size=size, frames=max(150, needed)), needed))
    with open_source(path) as source:
        frames = [_resize(frame, size) for frame in islice(source, needed)]
    if len(frames) < needed:
        raise InputError(
            f"{path} has {len(frames)} frames, and timing {count} takes {needed}: lower --frames "
            "or take a longer video"
        )
    return frames


class _Runner:
    """An engine and its targets; every method returns milliseconds by name."""

    def __init__(self, engine: MotionEngine[Any, Any], clock: Callable[[], float]) -> None:
        self._engine, self._clock = engine, clock
        self._targets: Any = None

    def enroll(self, frame: Frame, boxes: Float32[XYXY, " n"]) -> dict[str, float]:
        """Replace the targets by new ones at these boxes."""
        observation = self._engine.observe(frame)
        start = self._clock()
        self._targets = self._engine.enroll(observation, boxes)
        return {"enroll": 1e3 * (self._clock() - start)}

    def step(self, frame: Frame) -> dict[str, float]:
        """Track onto the next frame."""
        start = self._clock()
        self._targets, _ = self._engine.track(self._engine.observe(frame), self._targets)
        return {"frame": 1e3 * (self._clock() - start)}

    def step_by_stage(self, frame: Frame) -> dict[str, float]:
        """Track onto the next frame, and time each stage."""
        timer, stages = StageTimer(self._clock), getattr(self._engine, "stages", ())
        with timer.activate():
            start = self._clock()
            observation = self._engine.observe(frame)
            observed = self._clock()
            self._targets, _ = self._engine.track(observation, self._targets)
            end = self._clock()
        costs = {name: 1e3 * timer.seconds.get(name, 0.0) for name in stages}
        return {"observe": 1e3 * (observed - start), "track": 1e3 * (end - observed), **costs}


def _rotate(names: list[str], number: int) -> Iterator[str]:
    """The names, beginning with the ``number``-th."""
    first = number % len(names)
    yield from names[first:]
    yield from names[:first]


def _medians(costs: Sequence[dict[str, float]]) -> dict[str, float]:
    return {name: float(np.median([each[name] for each in costs])) for name in costs[0]}


def _resize(frame: Frame, size: tuple[int, int]) -> Frame:
    interpolation = cv2.INTER_AREA if size[0] < frame.size[0] else cv2.INTER_LINEAR
    image = np.asarray(cv2.resize(frame.image, size, interpolation=interpolation))
    return Frame(image=image, index=frame.index, timestamp=frame.timestamp)


def _sample_boxes(size: tuple[int, int], count: int, seed: int = 0) -> Float32[XYXY, " n"]:
    """Random boxes, twice as high as wide, within a frame."""
    rng = np.random.default_rng(seed)
    sides = rng.uniform(SMALLEST_BOX[0], LARGEST_BOX[0], (count, 1)) * [1, 2]
    corner = rng.uniform(0, 1, (count, 2)) * (np.array(size) - sides)
    return np.hstack([corner, corner + sides]).astype(np.float32)

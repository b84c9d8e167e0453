"""``mvot-bench scaling``: frames per second against the number of targets (SiamMT 4.3 and 4.4).

Engines alone, without detector and merging. All engines follow the same boxes over the same
frames, and take turns on each frame, so that a busy machine slows all of them alike. The boxes are
not those of objects in the frames but lie anywhere, as many as are asked for, so that any number
can be had; they are of 20x40 to 60x120 pixels whatever the frame's size, areas on levels 1 to 3.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from jaxtyping import Float32

from mvot_benchmarks.stages import StageClock, probe
from mvot_pipelines.sources import open_source
from mvot_plugin.engines import MotionEngine
from mvot_plugin.errors import InputError
from mvot_plugin.synthetic import street
from mvot_plugin.types import Frame

__all__ = ["LARGEST_BOX", "Contest", "Scaling", "read_frames"]

SMALLEST_BOX, LARGEST_BOX = (20, 40), (60, 120)
"""Width and height, in pixels."""
WARM_UP = 2
"""What is not counted, of enrolments as of tracked frames."""
ENROLMENTS = WARM_UP + 2
"""The first frames, on each of which the targets are enrolled anew."""


@dataclass(frozen=True, kw_only=True)
class Scaling:
    """What one engine's frames cost with so many targets: medians, in milliseconds.

    ``frame`` is ``observe`` and ``track`` in one, with nothing in between. ``observe``, ``track``
    and the ``stages`` within them were timed in another pass, as the device must be waited for at
    each stage; ``stages`` is empty for an engine without. ``enroll`` is what new targets cost.
    """

    engine: str
    size: tuple[int, int]
    targets: int
    frame: float
    enroll: float
    observe: float
    track: float
    stages: dict[str, float]

    @property
    def fps(self) -> float:
        """Frames per second, of the engine alone."""
        return 1000 / self.frame


class Contest:
    """Engines by name, to be measured against each other on the device that they run on."""

    def __init__(self, engines: Mapping[str, MotionEngine[Any, Any]], device: torch.device) -> None:
        self._plain, self._probed = {}, {}
        for name, engine in engines.items():
            self._plain[name] = _Runner(engine, StageClock(device))
            clock = StageClock(device)
            self._probed[name] = _Runner(probe(engine, clock), clock)

    def measure(self, frames: Sequence[Frame], targets: int) -> dict[str, Scaling]:
        """Each engine with so many targets on consecutive frames, of ``read_frames``."""
        size = frames[0].size
        boxes = _anywhere(size, targets)
        first, rest = frames[:ENROLMENTS], frames[ENROLMENTS:]
        enrolled = _median_costs(self._plain, first, lambda one, frame: one.enroll(frame, boxes))
        whole = _median_costs(self._plain, rest, _Runner.step)
        for runner in self._probed.values():
            runner.enroll(first[-1], boxes)
        parts = _median_costs(self._probed, rest, _Runner.step_by_stage)
        return {
            name: Scaling(
                engine=name,
                size=size,
                targets=targets,
                **whole[name],
                **enrolled[name],
                observe=parts[name].pop("observe"),
                track=parts[name].pop("track"),
                stages=parts[name],
            )
            for name in self._plain
        }


def read_frames(place: Path | None, size: tuple[int, int], count: int) -> list[Frame]:
    """The first frames of a video or folder, or of our synthetic street, of ``size``.

    They are as many as it takes to time ``count`` of them. Raises ``InputError`` for what cannot be
    read or is too short.
    """
    wanted = ENROLMENTS + WARM_UP + count
    if place is None:
        return list(islice(street(size=size, frames=max(150, wanted)), wanted))
    with open_source(place) as source:
        frames = [_resized(frame, size) for frame in islice(source, wanted)]
    if len(frames) < wanted:
        raise InputError(
            f"{place} has {len(frames)} frames, and timing {count} takes {wanted}: lower --frames "
            "or take a longer video"
        )
    return frames


class _Runner:
    """An engine and what it follows; every method returns milliseconds by name."""

    def __init__(self, engine: MotionEngine[Any, Any], clock: StageClock) -> None:
        self._engine, self._clock = engine, clock
        self._targets: Any = None

    def enroll(self, frame: Frame, boxes: Float32[np.ndarray, "n 4"]) -> dict[str, float]:
        """Follow these boxes from now on."""
        observation = self._engine.observe(frame)
        start = self._clock.now()
        self._targets = self._engine.enroll(observation, boxes)
        return {"enroll": self._clock.now() - start}

    def step(self, frame: Frame) -> dict[str, float]:
        """Go on to the next frame."""
        start = self._clock.now()
        self._targets, _ = self._engine.track(self._engine.observe(frame), self._targets)
        return {"frame": self._clock.now() - start}

    def step_by_stage(self, frame: Frame) -> dict[str, float]:
        """Go on to the next frame, and tell what each part of that costs."""
        self._clock.start()
        start = self._clock.now()
        observation = self._engine.observe(frame)
        between = self._clock.now()
        self._targets, _ = self._engine.track(observation, self._targets)
        end = self._clock.now()
        return {"observe": between - start, "track": end - between, **self._clock.spent}


def _median_costs(
    runners: Mapping[str, _Runner],
    frames: Sequence[Frame],
    act: Callable[[_Runner, Frame], dict[str, float]],
) -> dict[str, dict[str, float]]:
    """Medians of what ``act`` returns, of every runner on every frame, without the warm-up."""
    costs: dict[str, list[dict[str, float]]] = {name: [] for name in runners}
    for number, frame in enumerate(frames):
        for name in _turns(list(runners), number):
            costs[name].append(act(runners[name], frame))
    return {name: _medians(each[WARM_UP:]) for name, each in costs.items()}


def _turns(names: list[str], number: int) -> Iterator[str]:
    """The names, each time beginning with the next."""
    first = number % len(names)
    yield from names[first:]
    yield from names[:first]


def _medians(costs: Sequence[dict[str, float]]) -> dict[str, float]:
    return {name: float(np.median([each[name] for each in costs])) for name in costs[0]}


def _resized(frame: Frame, size: tuple[int, int]) -> Frame:
    shrinks = size[0] < frame.size[0]
    how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    image = np.asarray(cv2.resize(frame.image, size, interpolation=how))
    return Frame(image=image, index=frame.index, timestamp=frame.timestamp)


def _anywhere(size: tuple[int, int], count: int, seed: int = 0) -> Float32[np.ndarray, "n 4"]:
    """Boxes twice as high as wide, within a frame."""
    rng = np.random.default_rng(seed)
    sides = rng.uniform(SMALLEST_BOX[0], LARGEST_BOX[0], (count, 1)) * [1, 2]
    corner = rng.uniform(0, 1, (count, 2)) * (np.array(size) - sides)
    return np.hstack([corner, corner + sides]).astype(np.float32)

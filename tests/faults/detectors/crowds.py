"""Too many boxes: on one frame, the same on each, or others on each."""

from collections.abc import Iterator
from functools import partial
from itertools import product

import numpy as np

from helpers.faults.case import Case, Trial
from helpers.faults.material import SIZE, draw_frame
from mvot_pipelines.pipeline import MotPipeline
from mvot_plugin.types import Detections, Frame

__all__ = ["cases"]

_COUNTS = (3_000, 10_000, 50_000, 100_000)
_WHEN = ("once", "the same", "others")
_QUICK = {("lk-flow", 3_000, "others"), ("hold", 100_000, "others")}
_FRAMES = {"siammotion-n": 2}


def cases() -> Iterator[Case]:
    """Light engines end within seconds and a GiB; a network takes some seconds a frame."""
    for engine, count, when in product(("lk-flow", "hold", "kalman"), _COUNTS, _WHEN):
        yield _case(engine, count, when)
    yield _case("siammotion-n", 3_000, "others", seconds=300.0, most_bytes=3 << 30)


def _case(
    engine: str, count: int, when: str, seconds: float = 60.0, most_bytes: int = 1 << 30
) -> Case:
    return Case(
        name=f"{count} boxes, {when} ({engine})",
        prepare=partial(_arguments, engine, count, when),
        run=track_crowd,
        expect="done",
        seconds=seconds,
        most_bytes=most_bytes,
        quick=(engine, count, when) in _QUICK,
    )


def _arguments(engine: str, count: int, when: str, _: Trial) -> list[object]:
    return [engine, count, when]


def track_crowd(engine: str, count: int, when: str) -> None:
    """Track frames with that many boxes."""

    def detect(frame: Frame) -> Detections:
        rng = np.random.default_rng(frame.index if when == "others" else 0)
        centre, size = rng.random((count, 2)) * SIZE, 4 + 40 * rng.random((count, 2))
        if when == "once" and frame.index:
            return Detections.empty()
        boxes = np.concatenate([centre - size / 2, centre + size / 2], axis=1)
        return Detections.of(boxes, rng.random(count))

    pipeline = MotPipeline(detect, engine, 2)
    for index in range(_FRAMES.get(engine, 6)):
        frame = Frame(image=draw_frame(index), index=index, timestamp=index / 2)
        assert len(pipeline.step(frame)) <= pipeline.config.max_detections
    assert pipeline.left_out_boxes >= count - pipeline.config.max_detections

"""Every number among the settings: a run works with it, or refuses it at the start."""

from dataclasses import fields, is_dataclass, replace
from math import inf, nan
from typing import get_type_hints

import numpy as np
import pytest

from mvot_pipelines import MotPipeline
from mvot_pipelines.config import RunConfig
from mvot_pipelines.pipeline import PipelineConfig
from mvot_pipelines.scheduling import Adaptive, EveryK
from mvot_pipelines.scheduling.config import AdaptiveConfig
from mvot_pipelines.sources.limits import LimitsConfig
from mvot_plugin.config import build_config
from mvot_plugin.config.ranges import find_ranges
from mvot_plugin.errors import UsageError
from mvot_plugin.types import Detections, Frame

SENSELESS = [0, -1, nan, inf, -inf, 1e308, 1e-300, 10**400]


def list_numbers(kind, path=()):
    """The paths of all settings that are numbers, each with its range."""
    hints, ranges = get_type_hints(kind), find_ranges(kind)
    for field in fields(kind):
        hint = hints[field.name]
        if is_dataclass(hint):
            yield from list_numbers(hint, (*path, field.name))
        elif {int, float} & {hint, *getattr(hint, "__args__", ())}:
            yield (*path, field.name), ranges.get(field.name)


def nest(path, value):
    for name in reversed(path):
        value = {name: value}
    return value


def track(config, scheduler):
    """A few frames on which targets come, stay, are missed, and go; returns all boxes."""
    rng = np.random.default_rng(0)
    image = rng.integers(0, 255, (60, 80, 3), np.uint8)

    def detect(frame):
        boxes = np.array([[5, 5, 20, 30], [30, 10, 45, 40], [10, 5, 25, 30]], np.float32)
        shown = boxes[: frame.index % 4] + frame.index
        return Detections.of(shown, confidence=np.linspace(0.9, 0.3, len(shown)))

    boxes = []
    with MotPipeline(detect, "hold", scheduler, config=config) as pipeline:
        for index in range(8):
            moved = np.roll(image, index, axis=1)
            boxes.append(pipeline.step(Frame(image=moved, index=index, timestamp=index / 5)).xyxy)
    return np.concatenate(boxes)


def test_every_number_has_a_range():
    unlimited = [path for path, allowed in list_numbers(RunConfig) if allowed is None]
    assert unlimited == []
    assert all(allowed for _, allowed in list_numbers(AdaptiveConfig))


def list_cases(kind):
    return [pytest.param(*one, id=".".join(one[0])) for one in list_numbers(kind)]


def build(kind, path, value):
    """The settings with this value; None where it is refused by its name."""
    try:
        return build_config(kind, nest(path, value))
    except UsageError as error:
        message = str(error)
    assert f"'{'.'.join(path)}' must be" in message
    return None


def list_accepted(kind, path, allowed):
    """The settings with each senseless value that they take, and with the ends of the range."""
    ends = [int(end) if float(end).is_integer() else end for end in (allowed.least, allowed.most)]
    assert None not in [build(kind, path, end) for end in ends]
    built = (build(kind, path, value) for value in (*SENSELESS, *ends))
    return {config for config in built if config is not None}


@pytest.mark.parametrize(("path", "allowed"), list_cases(PipelineConfig))
def test_a_run_works_with_a_number_or_refuses_it_at_the_start(path, allowed):
    for config in set(list_accepted(PipelineConfig, path, allowed)):
        solved = replace(config, solver="siammot" if path[0] == "siammot" else "affinity")
        assert np.isfinite(track(solved, EveryK(k=2))).all()


@pytest.mark.parametrize(("path", "allowed"), list_cases(AdaptiveConfig))
def test_the_adaptive_scheduler_works_with_a_number_or_refuses_it(path, allowed):
    for config in set(list_accepted(AdaptiveConfig, path, allowed)):
        assert np.isfinite(track(PipelineConfig(), Adaptive(config))).all()


@pytest.mark.parametrize(("path", "allowed"), list_cases(LimitsConfig))
def test_a_limit_is_never_senseless(path, allowed):
    assert list_accepted(LimitsConfig, path, allowed)


@pytest.mark.parametrize("name", ["conf", "budget", "detect_every", "frame_rate", "threads"])
def test_an_option_is_never_senseless(name):
    assert list_accepted(RunConfig, (name,), find_ranges(RunConfig)[name])

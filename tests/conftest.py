import sys
from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from hypothesis import settings

from mvot_plugin.synthetic import NoisyDetector, Scene, street
from mvot_plugin.types import Detections, Frame, Tracks

SIZE = 320, 240

settings.register_profile("steady", deadline=None)
settings.load_profile("steady")

torch.set_num_threads(1)
"""The tests' networks are small: on busy cores, threads that wait for each other cost far more."""


@pytest.fixture(scope="session")
def world() -> np.ndarray:
    """A picture with texture at every scale, larger than a frame."""
    rng = np.random.default_rng(0)
    picture = np.zeros((480, 640, 3))
    for cell in (4, 12, 36):
        coarse = rng.uniform(0, 255, (480 // cell + 1, 640 // cell + 1, 3))
        picture += cv2.resize(coarse, (640, 480), interpolation=cv2.INTER_CUBIC) / 3
    return picture.clip(0, 255).astype(np.uint8)


@pytest.fixture(scope="session")
def view(world: np.ndarray) -> Callable[..., np.ndarray]:
    """A 320x240 view of the world in which everything moved by (dx, dy) and grew by ``zoom``."""

    def look(dx: float = 0.0, dy: float = 0.0, zoom: float = 1.0) -> np.ndarray:
        width, height = SIZE
        x, y = width / 2 + dx, height / 2 + dy
        move = np.array([[zoom, 0, x - 320 * zoom], [0, zoom, y - 240 * zoom]])
        return cv2.warpAffine(world, move, SIZE, flags=cv2.INTER_CUBIC)

    return look


@pytest.fixture(scope="session")
def film(view: Callable[..., np.ndarray]) -> list[Frame]:
    """Eight frames in which everything moves by 1.5 pixels right and 0.75 up per frame."""
    images = [view(dx=1.5 * i, dy=-0.75 * i) for i in range(8)]
    return [Frame(image=image, index=i, timestamp=i / 25) for i, image in enumerate(images)]


@pytest.fixture(scope="session")
def scene() -> Scene:
    """Three people cross a street; none of them is ever hidden by more than a third."""
    return street(2, size=SIZE, frames=60, walkers=3, vehicles=0, cyclists=0)


@pytest.fixture(scope="session")
def frames(scene: Scene) -> list[Frame]:
    return list(scene)


@pytest.fixture
def perfect(scene: Scene) -> Callable[[Frame], Detections]:
    return NoisyDetector(scene, recall=1.0, jitter=0.0, false_positives=0.0)


@pytest.fixture
def no_other_trackers(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without the packages that ``mvot-bench peers`` compares with."""
    for name in ("norfair", "trackers"):
        monkeypatch.setitem(sys.modules, name, None)


def _alike(a: Any, b: Any) -> bool:
    if hasattr(a, "__dataclass_fields__"):
        return type(a) is type(b) and all(
            _alike(getattr(a, f.name), getattr(b, f.name)) for f in fields(a)
        )
    if a is None or b is None:
        return a is b
    if isinstance(a, torch.Tensor):
        return type(a) is type(b) and a.dtype == b.dtype and torch.equal(a, b)
    if isinstance(a, (list, tuple)):
        return type(a) is type(b) and len(a) == len(b) and all(map(_alike, a, b))
    a, b = np.asarray(a), np.asarray(b)
    if a.dtype == object:
        return a.shape == b.shape and all(map(_alike, a.ravel(), b.ravel()))
    return a.dtype == b.dtype and np.array_equal(a, b, equal_nan=a.dtype.kind == "f")


@pytest.fixture(scope="session")
def alike() -> Callable[[Any, Any], bool]:
    """Whether two values of the product (targets, motions, tracks) hold the same, bit for bit."""
    return _alike


@pytest.fixture(scope="session")
def same_film() -> Callable[[Sequence[Tracks], Sequence[Tracks]], bool]:
    """Whether two runs gave the same tracks on every frame, bit for bit."""
    return lambda a, b: len(a) == len(b) and all(map(_alike, a, b))

import os
import sys
from collections.abc import Callable
from dataclasses import fields
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, settings

from helpers.synthetic import render
from mvot_plugin.types import Detections, Frame
from mvot_synthetic import NoisyDetector, Scene, street

SIZE = 320, 240

settings.register_profile(
    "steady",
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("thorough", deadline=None, max_examples=2000, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))
"""The gate tries the same examples each time; ``HYPOTHESIS_PROFILE=thorough`` tries many others."""

torch.set_num_threads(1)
"""The networks in the tests are small: several threads cost more than they save."""


@pytest.fixture(scope="session")
def texture() -> np.ndarray:
    """An image with texture at every scale, larger than a frame."""
    rng = np.random.default_rng(0)
    image = np.zeros((480, 640, 3))
    for cell in (4, 12, 36):
        coarse = rng.uniform(0, 255, (480 // cell + 1, 640 // cell + 1, 3))
        image += cv2.resize(coarse, (640, 480), interpolation=cv2.INTER_CUBIC) / 3
    return image.clip(0, 255).astype(np.uint8)


@pytest.fixture(scope="session")
def render_view(texture: np.ndarray) -> Callable[..., np.ndarray]:
    """Renders a 320x240 view of the texture, moved by (dx, dy) and enlarged by ``zoom``."""

    def render(dx: float = 0.0, dy: float = 0.0, zoom: float = 1.0) -> np.ndarray:
        width, height = SIZE
        x, y = width / 2 + dx, height / 2 + dy
        move = np.array([[zoom, 0, x - 320 * zoom], [0, zoom, y - 240 * zoom]])
        return cv2.warpAffine(texture, move, SIZE, flags=cv2.INTER_CUBIC)

    return render


@pytest.fixture(scope="session")
def moving_frames(render_view: Callable[..., np.ndarray]) -> list[Frame]:
    """Eight frames in which everything moves by 1.5 pixels right and 0.75 up per frame."""
    images = [render_view(dx=1.5 * i, dy=-0.75 * i) for i in range(8)]
    return [Frame(image=image, index=i, timestamp=i / 25) for i, image in enumerate(images)]


@pytest.fixture(scope="session")
def scene() -> Scene:
    """Three people cross a street; at most a third of any is ever occluded."""
    return street(2, size=SIZE, frames=60, walkers=3, vehicles=0, cyclists=0)


@pytest.fixture(scope="session")
def frames(scene: Scene) -> list[Frame]:
    return render(scene)


@pytest.fixture
def perfect_detector(scene: Scene) -> Callable[[Frame], Detections]:
    return NoisyDetector(scene, recall=1.0, jitter=0.0, false_positives=0.0)


@pytest.fixture
def no_peer_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes the packages that ``mvot-bench peers`` compares with unavailable."""
    for name in ("norfair", "trackers"):
        monkeypatch.setitem(sys.modules, name, None)


def _is_identical(a: Any, b: Any) -> bool:
    if hasattr(a, "__dataclass_fields__"):
        return type(a) is type(b) and all(
            _is_identical(getattr(a, f.name), getattr(b, f.name)) for f in fields(a)
        )
    if a is None or b is None:
        return a is b
    if isinstance(a, torch.Tensor):
        return type(a) is type(b) and a.dtype == b.dtype and torch.equal(a, b)
    if isinstance(a, (list, tuple)):
        return type(a) is type(b) and len(a) == len(b) and all(map(_is_identical, a, b))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(_is_identical(a[name], b[name]) for name in a)
    a, b = np.asarray(a), np.asarray(b)
    if a.dtype == object:
        return a.shape == b.shape and all(map(_is_identical, a.ravel(), b.ravel()))
    return a.dtype == b.dtype and np.array_equal(a, b, equal_nan=a.dtype.kind == "f")


@pytest.fixture(scope="session")
def is_identical() -> Callable[[Any, Any], bool]:
    """Whether two values (targets, motions, tracks, lists of them) are the same, bit for bit."""
    return _is_identical

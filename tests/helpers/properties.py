"""What the property tests draw, and what they hold of tracks."""

from dataclasses import fields

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from mvot_plugin.ops.boxes import intersection
from mvot_plugin.types import Detections, Tracks

SIZES = (64, 48), (33, 65), (160, 120), (1, 1)
"""Of frames, (width, height)."""
BAD_IMAGES = {
    "grey": np.zeros((48, 64), np.uint8),
    "alpha": np.zeros((48, 64, 4), np.uint8),
    "floats": np.zeros((48, 64, 3), np.float32),
    "no rows": np.zeros((0, 64, 3), np.uint8),
    "no columns": np.zeros((48, 0, 3), np.uint8),
}
PAUSES = (0.04, 0.04, 0.04, 0.2, 0.6, 0.0, 3.5, 20.0, 7200.0, -0.04, -7200.0, 1e300, -1e300)
"""Seconds from a frame to the next."""


def scaled(examples, steps=None):
    """Settings for so many examples, and more by the profile that is loaded."""
    times = settings.default.max_examples / 100
    chosen = {} if steps is None else {"stateful_step_count": steps}
    return settings(
        max_examples=max(1, round(examples * times)),
        suppress_health_check=list(HealthCheck),
        **chosen,
    )


def texture_image(size, index):
    """An image with texture that moves by two pixels a frame."""
    width, height = size
    rows, columns = np.mgrid[:height, :width]
    phase = ((columns - 2 * index) // 5 * 37 + rows // 7 * 91) % 256
    return np.repeat(phase[..., None], 3, axis=2).astype(np.uint8)


def walkers(index, present):
    """Boxes of four objects that move by two pixels a frame, as far as they are present."""
    left = np.array([2.0, 20.0, 40.0, 70.0]) + 2 * (index % 30)
    boxes = np.stack([left, [4, 10, 2, 20], left + 12, [34, 44, 30, 80]], axis=1)
    return boxes[np.asarray(present, bool)]


def _cloud(rng, count):
    corners = rng.uniform(-40, 180, (count, 2))
    return np.hstack([corners, corners + rng.uniform(0, 60, (count, 2))])


def _odd_boxes(rng):
    """Boxes that no object has: not numbers, without area, outside, huge, tiny, twice."""
    box = np.array([10.0, 10, 30, 40])
    odd = [
        [np.nan, 0, 5, 5],
        [0, 0, np.inf, 9],
        [30, 10, 10, 40],
        [5, 5, 5, 9],
        [-90, -90, -50, -50],
        [500, 500, 600, 600],
        [-1e9, -1e9, 1e9, 1e9],
        [-3e38, -3e38, 3e38, 3e38],
        [0, 0, 1e30, 1e30],
        [5, 5, 5 + 1e-3, 5 + 1e-3],
        [5, 5, 5.02, 5.02],
        [0, 0, 1e-30, 1e-30],
        [63.5, 47.5, 900, 900],
        box,
        box,
        box + 1e-4,
    ]
    return np.array(odd)[rng.random(len(odd)) < 0.6]


@st.composite
def detections(draw, most=200):
    """A function from the number of a frame to what a detector finds on it."""
    kind = draw(st.sampled_from(["walkers"] * 6 + ["none", "cloud", "crowd", "odd"]))
    present = draw(st.lists(st.booleans(), min_size=4, max_size=4))
    seed = draw(st.integers(0, 2**16))

    def find(index):
        rng = np.random.default_rng(seed)
        boxes = {
            "walkers": lambda: walkers(index, present),
            "none": lambda: np.empty((0, 4)),
            "cloud": lambda: _cloud(rng, int(rng.integers(1, most))),
            "crowd": lambda: np.array([[10, 10, 30, 40]]) + rng.normal(0, 1, (30, 4)),
            "odd": lambda: _odd_boxes(rng),
        }[kind]()
        rows = len(boxes)
        confidence = rng.choice(
            np.float32([-3, 0.05, 0.5, 0.9, 70]), rows, p=[0.05, 0.1, 0.1, 0.7, 0.05]
        )
        return Detections.of(boxes, confidence, rng.choice([0, 0, 0, 1], rows))

    return find


def assert_valid(tracks, size):
    """Tracks of a frame are whole, on the image, and each is there once."""
    assert isinstance(tracks, Tracks)
    assert len(np.unique(tracks.id)) == len(tracks)
    assert (tracks.id >= 1).all()
    assert np.isfinite(tracks.xyxy).all()
    assert (tracks.xyxy[:, 2:] > tracks.xyxy[:, :2]).all()
    assert ((tracks.score >= 0) & (tracks.score <= 1)).all()
    image = np.array([[0, 0, *size]], np.float64)
    assert (intersection(tracks.xyxy.astype(np.float64), image) > 0).all()


def assert_same(one, other):
    """Tracks are the same, bit for bit."""
    for field in fields(Tracks):
        a, b = getattr(one, field.name), getattr(other, field.name)
        if a is None or b is None:
            assert a is b, field.name
            continue
        if field.name == "class_names":
            assert a == b
            continue
        if isinstance(a, dict):
            assert a.keys() == b.keys(), field.name
            pairs = [(a[name], b[name]) for name in a]
        else:
            pairs = [(a, b)]
        for x, y in pairs:
            assert x.dtype == y.dtype
            assert x.tobytes() == y.tobytes(), field.name


def is_thorough():
    """Whether the command asks for more than the gate does."""
    return settings.get_current_profile_name() == "thorough"

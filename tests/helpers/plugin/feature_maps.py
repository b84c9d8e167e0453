"""Random feature pyramids and areas, for the tests of crops from feature maps."""

import numpy as np
import torch
from hypothesis import strategies as st

STRIDES = [2.0, 4.0, 8.0, 16.0]
SIZES = [(80, 60), (40, 30), (20, 15), (10, 8)]
"""(columns, rows) of the levels' maps of a frame of 160 x 120 pixels."""


def random_pyramid(channels=3, sizes=SIZES, seed=0):
    """A random feature map (channels, rows, columns) for each size."""
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(channels, rows, columns, generator=generator) for columns, rows in sizes]


@st.composite
def areas_and_levels(draw, most=5):
    """Areas in, over and far outside the frame, and the level of each."""
    place = st.one_of(st.floats(-60, 220, width=32), st.floats(-4000, 4000, width=32))
    side = st.one_of(st.floats(0, 200, width=32), st.floats(0, 4000, width=32))
    rows = draw(st.lists(st.tuples(place, place, side, st.integers(0, 3)), max_size=most))
    areas = np.array([(x, y, x + a, y + a) for x, y, a, _ in rows], np.float32).reshape(-1, 4)
    return areas, torch.tensor([level for *_, level in rows], dtype=torch.int64)

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mvot_pipelines.sinks.colors import PALETTE, TrackColors, to_hex

PROTANOPIA = [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
]
DEUTERANOPIA = [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.011820, 0.042940, 0.968881],
]
TRITANOPIA = [
    [1.255528, -0.076749, -0.178779],
    [-0.078411, 0.930809, 0.147602],
    [0.004733, 0.691367, 0.303900],
]
"""What people without one kind of cone see, in linear RGB (Machado, Oliveira, Fernandes, 2009)."""
CONES = [
    [0.4122214708, 0.5363325363, 0.0514459929],
    [0.2119034982, 0.6806995451, 0.1073969566],
    [0.0883024619, 0.2817188376, 0.6299787005],
]
OKLAB = [
    [0.2104542553, 0.7936177850, -0.0040720468],
    [1.9779984951, -2.4285922050, 0.4505937099],
    [0.0259040371, 0.7827717662, -0.8086757660],
]


def smallest_distance(colors: object, sight: object) -> float:
    """Between two of the colours, in OKLab, where black and white are 1 apart."""
    srgb = np.array(colors)[:, ::-1] / 255
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    seen = (linear @ np.array(sight).T).clip(0, 1)
    lab = np.cbrt(seen @ np.array(CONES).T) @ np.array(OKLAB).T
    apart = np.linalg.norm(lab[:, None] - lab, axis=2) + np.eye(len(lab))
    return float(apart.min())


@pytest.mark.parametrize(
    ("sight", "of_twelve", "of_all"),
    [
        (np.eye(3), 0.14, 0.055),
        (PROTANOPIA, 0.08, 0.025),
        (DEUTERANOPIA, 0.08, 0.025),
        (TRITANOPIA, 0.1, 0.035),
    ],
    ids=["all cones", "protanopia", "deuteranopia", "tritanopia"],
)
def test_the_colors_differ_to_everybody(sight, of_twelve, of_all):
    assert len(set(PALETTE)) == len(PALETTE) == 48
    assert smallest_distance(PALETTE[:12], sight) > of_twelve
    assert smallest_distance(PALETTE, sight) > of_all


@given(st.lists(st.sets(st.integers(1, 60), max_size=48), max_size=12))
def test_what_is_visible_together_differs_and_keeps_its_color(frames):
    colors, again, before = TrackColors(), TrackColors(), {}
    for ids in frames:
        given_now = colors.assign(ids)
        assert given_now == again.assign(sorted(ids, reverse=True))
        assert given_now.keys() == ids
        assert len(set(given_now.values())) == len(ids)
        assert all(given_now[one] == color for one, color in before.items() if one in ids)
        before = given_now


def test_a_dozen_tracks_take_the_dozen_colors_that_differ_most_in_turn():
    colors = TrackColors()
    for first in range(1, 100):
        assert set(colors.assign(range(first, first + 12)).values()) == set(PALETTE[:12])
    alone = TrackColors()
    assert [alone.assign([one])[one] for one in range(1, 25)] == [*PALETTE[:12], *PALETTE[:12]]


def test_a_track_that_was_hidden_gets_its_color_back_if_it_is_free():
    colors = TrackColors()
    color = colors.assign([1, 2])[1]
    colors.assign([2])
    assert colors.assign([1, 2, 3])[1] == color
    for other in range(4, 20):
        colors.assign([other])
    assert color in colors.assign([*range(4, 20)]).values()


def test_more_tracks_than_colors_share_them_evenly():
    colors = TrackColors().assign(range(96))
    assert sorted(colors.values()) == sorted(PALETTE * 2)


def test_a_color_as_in_html():
    assert to_hex((255, 16, 0)) == "#0010ff"

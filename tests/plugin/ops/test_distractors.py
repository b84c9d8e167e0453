import math

import numpy as np
import pytest

from mvot_plugin.ops import distractors
from mvot_plugin.ops.distractors import distractor_masks

FRAME = 320, 240
MARGIN = 45
"""Cells of margin around the reference's global window, for areas outside the frame."""


def random_areas(n, seed=0, frame=FRAME, smallest=20, largest=150):
    """Square areas about a frame, some of them over its edge."""
    rng = np.random.default_rng(seed)
    centres = rng.uniform(-0.05, 1.05, (n, 2)) * frame
    half = rng.uniform(smallest, largest, (n, 1)) / 2
    return np.concatenate([centres - half, centres + half], axis=1).astype(np.float32)


def cells_per_pixel(cells, frame):
    """Cells of the global window, of which there are ceil(M F / S), per pixel of the frame."""
    return [math.ceil(cells * pixels / 255) / pixels for pixels in frame]


def map_to_window(area, cells, frame):
    x, y = cells_per_pixel(cells, frame)
    x0, y0, x1, y1 = area
    return (x0 + x1) / 2 * x, (y0 + y1) / 2 * y, (x1 - x0) * x, (y1 - y0) * y


def draw_window(area, cells, frame, scale):
    """One channel of G: Equation 4 for each cell (i, j) of a window of at least three cells.

    It begins half a window before the middle and ends where the sine is 0 again, a cell before
    half a window after it.
    """
    x, y, w, h = map_to_window(area, cells, frame)
    w, h = max(w * scale, 3.0), max(h * scale, 3.0)
    columns, rows = (math.ceil(cells * pixels / 255) for pixels in frame)
    channel = np.ones((rows + 2 * MARGIN, columns + 2 * MARGIN))
    for j in range(-MARGIN, rows + MARGIN):
        for i in range(-MARGIN, columns + MARGIN):
            if -w / 2 <= i - x <= w / 2 - 1 and -h / 2 <= j - y <= h / 2 - 1:
                across = math.sin(math.pi * (x - 0.5 * w - i) / (w - 1))
                down = math.sin(math.pi * (y - 0.5 * h - j) / (h - 1))
                channel[j + MARGIN, i + MARGIN] = 1 - (across * down) ** 2
    return channel


def sample_bilinear(channel, x, y):
    """Sample the channel at a position; cell i lies at i + 0.5."""
    x, y = x - 0.5 + MARGIN, y - 0.5 + MARGIN
    i, j = math.floor(x), math.floor(y)
    if not (0 <= i < channel.shape[1] - 1 and 0 <= j < channel.shape[0] - 1):
        return 1.0
    right, below = x - i, y - j
    upper = (1 - right) * channel[j, i] + right * channel[j, i + 1]
    lower = (1 - right) * channel[j + 1, i] + right * channel[j + 1, i + 1]
    return (1 - below) * upper + below * lower


def crop_window(channel, area, cells, frame):
    x, y, w, h = map_to_window(area, cells, frame)
    steps = [(b + 0.5) / cells - 0.5 for b in range(cells)]
    return np.array(
        [[sample_bilinear(channel, x + w * b, y + h * a) for b in steps] for a in steps]
    )


def reference_masks(areas, cells=25, frame=FRAME, scale=0.1):
    """Equation 5: the minimum of the other targets' windows, each cropped to the target's area."""
    areas = areas.astype(float).tolist()
    window = [draw_window(area, cells, frame, scale) for area in areas]
    masks = np.ones((len(areas), cells, cells))
    for p, area in enumerate(areas):
        for d, channel in enumerate(window):
            if d != p:
                masks[p] = np.minimum(masks[p], crop_window(channel, area, cells, frame))
    return masks


def square(x, y, side):
    return [x - side / 2, y - side / 2, x + side / 2, y + side / 2]


def stack_boxes(*rows):
    return np.array(rows, np.float32).reshape(-1, 4)


@pytest.mark.parametrize(("scale", "cells"), [(0.1, 25), (0.5, 25), (1.0, 25), (1.0, 7)])
@pytest.mark.parametrize("seed", range(2))
def test_masks_equal_windows_that_are_drawn_and_cropped(seed, scale, cells):
    areas = random_areas(7, seed)
    masks = distractor_masks(areas, FRAME, cells=cells, scale=scale)
    expected = reference_masks(areas, cells, scale=scale)
    assert masks.dtype == np.float32
    assert expected.min() < 0.75
    assert np.allclose(masks, expected, atol=2e-3)


@pytest.mark.parametrize("scale", [0.1, 1.0])
def test_masks_of_small_areas_equal_windows_that_are_drawn_and_cropped(scale):
    areas = random_areas(8, 3, (120, 90), smallest=4, largest=60)
    masks = distractor_masks(areas, (120, 90), scale=scale)
    assert np.allclose(masks, reference_masks(areas, frame=(120, 90), scale=scale), atol=2e-3)


@pytest.mark.parametrize("side", [1, -1])
@pytest.mark.parametrize("axis", [0, 1])
def test_a_window_that_only_just_reaches_an_area_is_not_missed(axis, side):
    """An area of half a cell of 10.2 px and a window of 3, further and further apart."""
    is_penalised = []
    for apart in np.arange(1.5, 2.4, 0.05):
        window, area = [102.0, 102.0], [102.0, 102.0]
        window[axis] -= side * 2.04
        area[axis] = window[axis] + side * apart * 10.2
        areas = stack_boxes(square(*area, 5.1), square(*window, 30.6))
        masks = distractor_masks(areas, (255, 255), scale=1.0)
        expected = reference_masks(areas, frame=(255, 255), scale=1.0)
        assert np.allclose(masks, expected, atol=2e-3)
        is_penalised.append(bool(expected[0].min() < 0.99))
    assert is_penalised == sorted(is_penalised, reverse=True)
    assert 5 < sum(is_penalised) < len(is_penalised)


@pytest.mark.parametrize("where", ["left", "above", "right", "below"])
def test_distractors_count_where_areas_reach_beyond_the_frame(where):
    at = {"left": (-40, 120), "above": (160, -40), "right": (365, 120), "below": (160, 285)}[where]
    areas = stack_boxes(square(*at, 100), square(at[0] + 7, at[1] + 5, 90))
    masks = distractor_masks(areas, FRAME, scale=0.5)
    assert masks.min((1, 2)).max() < 0.4
    assert np.allclose(masks, reference_masks(areas, scale=0.5), atol=2e-3)


def test_no_targets_have_no_masks():
    assert distractor_masks(stack_boxes(), FRAME).shape == (0, 25, 25)


def test_one_target_has_no_distractors():
    assert (
        distractor_masks(random_areas(1), FRAME, cells=9, scale=1.0) == np.ones((1, 9, 9))
    ).all()


def test_targets_far_apart_do_not_hide_each_other():
    areas = stack_boxes(square(50, 60, 60), square(250, 180, 60))
    assert (distractor_masks(areas, FRAME, scale=1.0) == 1).all()


def test_a_target_is_hidden_on_the_side_where_the_other_is():
    areas = stack_boxes(square(150, 120, 120), square(190, 110, 120))
    masks = distractor_masks(areas, FRAME, scale=0.5)
    first, second = (np.unravel_index(mask.argmin(), mask.shape) for mask in masks)
    # 40 px to the right are 8 of 25 cells, 10 px up are 2
    assert np.abs(np.subtract(first, (10, 20))).max() <= 1
    assert np.abs(np.subtract(second, (14, 4))).max() <= 1
    assert masks[0, :, :5].min() == masks[1, :, 20:].min() == 1


@pytest.mark.parametrize("phase", np.arange(0, 10.2, 10.2 / 8))
@pytest.mark.parametrize(("scale", "most"), [(0.1, 0.76), (0.5, 0.3), (1.0, 0.1)])
def test_a_target_on_the_same_place_hides_the_middle(scale, most, phase):
    """Wherever that lies between the global window's cells, which are 10.2 px apart."""
    areas = stack_boxes(*[square(102 + phase, 102 + phase, 120)] * 2)
    masks = distractor_masks(areas, (255, 255), scale=scale)
    assert masks[0, 12, 12] < most
    assert np.array_equal(masks[0], masks[1])


@pytest.mark.parametrize("scale", [0.1, 1.0])
def test_the_order_of_targets_does_not_matter(scale):
    areas = random_areas(20, 5)
    order = np.random.default_rng(0).permutation(20)
    masks = distractor_masks(areas, FRAME, scale=scale)
    assert np.array_equal(distractor_masks(areas[order], FRAME, scale=scale), masks[order])


@pytest.mark.parametrize("at_once", [1, 3, 64])
def test_the_number_of_pairs_in_a_batch_does_not_matter(at_once, monkeypatch):
    areas = random_areas(20, 5)
    masks = distractor_masks(areas, FRAME, scale=1.0)
    monkeypatch.setattr(distractors, "BATCH_OF_PAIRS", at_once)
    assert np.array_equal(distractor_masks(areas, FRAME, scale=1.0), masks)


def test_a_thousand_targets_hide_each_other_as_their_halves_do():
    areas = random_areas(1000, 6, (1280, 720), smallest=40, largest=140)
    masks = distractor_masks(areas, (1280, 720))
    assert masks.shape == (1000, 25, 25)
    assert masks.min() >= -1e-6
    assert masks.max() <= 1
    first, last = (
        distractor_masks(areas[[0, *half, 999]], (1280, 720))[[0, -1]]
        for half in (range(1, 500), range(500, 999))
    )
    assert np.array_equal(masks[[0, 999]], np.minimum(first, last))
    assert masks[[0, 999]].min() < 0.8


def test_areas_are_left_as_they_were():
    areas = random_areas(5)
    before = areas.copy()
    distractor_masks(areas, FRAME)
    assert np.array_equal(areas, before)

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from mvot_plugin.ops.flow import (
    estimate_shift_and_scale,
    find_corners,
    find_occluded_points,
    masked_median,
)

GRID = np.stack(np.meshgrid(np.linspace(0, 40, 5), np.linspace(0, 80, 5)), axis=2)
GRID = GRID.reshape(1, 25, 2).astype(np.float32)


@given(
    arrays.arrays(np.float32, (3, 6, 2), elements=st.floats(-100, 100, width=32)),
    arrays.arrays(np.bool_, (3, 6)),
)
def test_the_masked_median_equals_a_loop(values, mask):
    slow = [
        np.median(v[m], axis=0) if m.any() else [0, 0] for v, m in zip(values, mask, strict=True)
    ]
    np.testing.assert_allclose(masked_median(values, mask), slow, atol=1e-4)


@given(st.integers(0, 2**32 - 1))
def test_points_hidden_by_a_nearer_box_equal_a_loop(seed):
    rng = np.random.default_rng(seed)
    corner = rng.uniform(0, 50, (5, 2))
    boxes = np.hstack([corner, corner + rng.uniform(5, 40, (5, 2))]).astype(np.float32)
    points = rng.uniform(0, 90, (5, 7, 2)).astype(np.float32)
    own = (boxes[:, None, :2] + (boxes[:, None, 2:] - boxes[:, None, :2]) * points / 90).astype(
        np.float32
    )
    slow = [
        [
            any(
                x0 <= x < x1 and y0 <= y < y1 and y1 > boxes[i, 3]
                for x0, y0, x1, y1 in boxes.tolist()
            )
            for x, y in row.tolist()
        ]
        for i, row in enumerate(own)
    ]
    np.testing.assert_array_equal(find_occluded_points(own, boxes), slow)


@pytest.mark.parametrize("zoom", [0.97, 1.0, 1.03])
def test_shift_and_scale_are_found_in_spite_of_points_that_go_elsewhere(zoom):
    middle = np.median(GRID, axis=1, keepdims=True)
    arrived = ((GRID - middle) * zoom + middle + [7, -3]).astype(np.float32)
    arrived[0, [1, 8, 13, 20]] += [[30, 30], [-25, 10], [0, 40], [18, -18]]
    returned = np.ones((1, 25), np.bool_)
    shift, scale, agreeing = estimate_shift_and_scale(
        GRID, arrived, returned, least=5, scale_limit=0.1
    )
    np.testing.assert_allclose(shift, [[7, -3]], atol=0.2)
    np.testing.assert_allclose(scale, [zoom], atol=0.005)
    assert agreeing.tolist() == [21]


def test_the_change_of_size_is_limited_and_needs_enough_points():
    arrived = (GRID * 1.5).astype(np.float32)
    few = np.zeros((1, 25), np.bool_)
    few[0, :3] = True
    for returned, expected in ((np.ones((1, 25), np.bool_), 1.04), (few, 1.0)):
        _, scale, _ = estimate_shift_and_scale(GRID, arrived, returned, least=5, scale_limit=0.04)
        assert scale[0] == pytest.approx(expected)


def test_corners_are_the_best_of_their_cells_measured_one_box_after_another():
    grey = np.random.default_rng(3).integers(0, 255, (120, 160), np.uint8)
    boxes = np.array([[10, 10, 42, 74], [60.5, 20.25, 120, 100]], np.float32)
    points, textured = find_corners(grey, boxes, cells=3, inner=0.8)
    assert textured.all()
    for row in range(2):
        alone, _ = find_corners(grey, boxes[row : row + 1], cells=3, inner=0.8)
        x0, y0, x1, y1 = boxes[row]
        width, height = 0.8 * (x1 - x0), 0.8 * (y1 - y0)
        left, top = (x0 + x1 - width) / 2, (y0 + y1 - height) / 2
        for cell, (x, y) in enumerate(points[row]):
            down, across = divmod(cell, 3)
            assert left + width * across / 3 <= x <= left + width * (across + 1) / 3
            assert top + height * down / 3 <= y <= top + height * (down + 1) / 3
        inner = np.abs(points[row] - alone[0]).max(1) < 1e-3
        assert inner.mean() > 0.5


def test_a_corner_is_where_the_image_has_one():
    grey = np.zeros((64, 64), np.uint8)
    cv2.rectangle(grey, (30, 34), (63, 63), 255, -1)
    points, textured = find_corners(
        grey, np.array([[23, 27, 39, 43]], np.float32), cells=1, inner=1.0
    )
    assert textured.all()
    np.testing.assert_allclose(points[0, 0], [30, 34], atol=4)


def test_flat_cells_and_points_outside_the_image_are_left_out():
    grey = np.zeros((64, 64), np.uint8)
    grey[:, 32:] = np.random.default_rng(0).integers(0, 255, (64, 32), np.uint8)
    _, textured = find_corners(grey, np.array([[0, 0, 64, 64]], np.float32), cells=4, inner=0.9)
    assert not textured.reshape(4, 4)[:, 0].any()
    assert textured.reshape(4, 4)[:, 2:].all()
    _, outside = find_corners(
        grey, np.array([[100, 100, 140, 140]], np.float32), cells=4, inner=0.9
    )
    assert not outside.any()

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mvot_plugin.ops.areas import context_side, scale_areas, square_areas


def stack_boxes(rows):
    return np.array(rows, np.float32).reshape(-1, 4)


@st.composite
def boxes(draw, most=6):
    corner, side = st.floats(-500, 500, width=32), st.floats(1, 1500, width=32)
    rows = draw(st.lists(st.tuples(corner, corner, side, side), max_size=most))
    return stack_boxes([(x, y, x + w, y + h) for x, y, w, h in rows])


def test_the_side_of_an_exemplar_area_by_hand():
    some = stack_boxes([[0, 0, 40, 20], [5, 5, 35, 45], [7, 7, 7, 7]])
    # (40 + 30) (20 + 30) = 3500; (30 + 35) (40 + 35) = 4875
    assert context_side(some) == pytest.approx([math.sqrt(3500), math.sqrt(4875), 0], rel=1e-6)


def test_the_side_of_an_exemplar_area_without_and_with_more_context():
    some = stack_boxes([[0, 0, 40, 10]])
    assert context_side(some, 0.0) == pytest.approx([20], rel=1e-6)
    # (40 + 50) (10 + 50) = 5400
    assert context_side(some, 1.0) == pytest.approx([math.sqrt(5400)], rel=1e-6)


@given(boxes(), st.floats(0, 1))
def test_the_side_of_exemplar_areas_follows_equation_6(some, context):
    sides = context_side(some, context)
    assert sides.shape == (len(some),)
    for side, (x0, y0, x1, y1) in zip(sides.tolist(), some.tolist(), strict=True):
        w, h = x1 - x0, y1 - y0
        assert side**2 == pytest.approx((w + context * (w + h)) * (h + context * (w + h)), rel=1e-4)


@given(boxes(), st.data())
def test_square_areas_have_the_side_asked_for_and_the_boxes_centres(some, data):
    each = st.lists(st.floats(1, 2000, width=32), min_size=len(some), max_size=len(some))
    side = np.array(data.draw(each), np.float32)
    areas = square_areas(some, side)
    assert areas.shape == (len(some), 4)
    for area, box, a in zip(areas.tolist(), some.tolist(), side.tolist(), strict=True):
        x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
        assert area == pytest.approx([x - a / 2, y - a / 2, x + a / 2, y + a / 2], abs=1e-3)


def test_square_areas_are_float32_and_leave_the_boxes_as_they_were():
    some = np.array([[10.0, 20, 30, 60]])
    areas = square_areas(some, np.array([8.0]))
    assert areas.dtype == np.float32
    assert areas.tolist() == [[16, 36, 24, 44]]
    assert some.tolist() == [[10, 20, 30, 60]]


@given(boxes(), st.lists(st.floats(0.25, 4), min_size=1, max_size=3))
def test_scaled_areas_keep_their_centres(some, scales):
    areas = square_areas(some, context_side(some))
    scaled = scale_areas(areas, scales)
    assert scaled.shape == (len(some), len(scales), 4)
    for area, row in zip(areas.tolist(), scaled.tolist(), strict=True):
        x, y, side = (area[0] + area[2]) / 2, (area[1] + area[3]) / 2, area[2] - area[0]
        for scale, (x0, y0, x1, y1) in zip(scales, row, strict=True):
            assert [x0 + x1, y0 + y1] == pytest.approx([2 * x, 2 * y], abs=0.01)
            assert [x1 - x0, y1 - y0] == pytest.approx([scale * side] * 2, abs=0.01)


def test_no_areas_are_legal():
    none = stack_boxes([])
    assert context_side(none).shape == (0,)
    assert square_areas(none, np.empty(0, np.float32)).shape == (0, 4)

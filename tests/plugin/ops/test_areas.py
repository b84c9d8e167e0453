import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mvot_plugin.ops.areas import context_side, pyramid_level, square_areas, update_level


def stack_boxes(rows):
    return np.array(rows, np.float32).reshape(-1, 4)


def square(side):
    return [10, 20, 10 + side, 20 + side]


def find_levels(*sides, **limits):
    return pyramid_level(np.array([square(side) for side in sides], np.float64), **limits).tolist()


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


def test_levels_change_where_the_side_doubles():
    assert find_levels(61.9, 62, 123.9, 124, 247.9, 248, 495.9, 496) == [1, 1, 1, 2, 2, 3, 3, 4]


def test_levels_are_held_within_the_pyramid():
    assert find_levels(1e-3, 1, 30, 992, 1e5) == [1, 1, 1, 4, 4]
    assert find_levels(1, 30.9, 31, 62, 992, 1984, lowest=0, highest=6) == [0, 0, 0, 1, 5, 6]
    assert find_levels(62, 124, 248, 496, lowest=2, highest=3) == [2, 2, 3, 3]


def test_an_area_of_no_or_negative_size_is_on_the_lowest_level():
    assert pyramid_level(stack_boxes([[5, 5, 5, 5], [9, 9, 3, 30]])).tolist() == [1, 1]


def test_the_level_of_an_oblong_area_is_that_of_the_square_as_large():
    oblong = stack_boxes([[0, 0, 62, 992], [0, 0, 992, 61], [0, 0, 124, 496]])
    assert pyramid_level(oblong).tolist() == [3, 2, 3]


def test_a_level_stays_until_the_area_has_outgrown_it_by_the_slack():
    areas = np.array([square(side) for side in (123, 125, 495, 497, 991, 993)], np.float64)
    second = np.full(6, 2)
    # level 2 is for 124 to 248; half of and twice that are an octave more
    assert update_level(areas, second, 0.0).tolist() == [1, 2, 3, 4, 4, 4]
    assert update_level(areas, second, 1.0).tolist() == [2, 2, 2, 4, 4, 4]
    assert update_level(areas, second, 2.0).tolist() == [2, 2, 2, 2, 2, 4]


@given(boxes())
def test_levels_follow_equation_1(some):
    for found, (x0, y0, x1, y1) in zip(pyramid_level(some), some.astype(float), strict=True):
        k = 3 + math.log2(math.sqrt((x1 - x0) * (y1 - y0)) / (8 * math.floor(255 / 8)))
        # float32 may take what lies within rounding of the next level for it
        assert found in {min(max(math.floor(k + slack), 1), 4) for slack in (-1e-5, 1e-5)}


def test_no_areas_are_legal():
    none = stack_boxes([])
    assert context_side(none).shape == pyramid_level(none).shape == (0,)
    assert square_areas(none, np.empty(0, np.float32)).shape == (0, 4)

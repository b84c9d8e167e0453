import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mvot_plugin.ops.boxes import (
    area,
    buffered_iou,
    covered_fraction,
    cxcywh_to_xyxy,
    inside_fraction,
    intersection,
    iou,
    size,
    xyxy_to_cxcywh,
    xyxy_to_ltwh,
)

NONE = np.empty((0, 4), np.float32)


def stack_boxes(rows):
    return np.array(rows, np.float32).reshape(-1, 4)


@st.composite
def boxes(draw, most=6, largest=400.0):
    corner = st.floats(-largest, largest, width=32)
    side = st.floats(1, largest, width=32)
    rows = draw(st.lists(st.tuples(corner, corner, side, side), max_size=most))
    return stack_boxes([(x, y, x + w, y + h) for x, y, w, h in rows])


@st.composite
def pixel_boxes(draw):
    x, y = draw(st.integers(0, 15)), draw(st.integers(0, 15))
    return x, y, x + draw(st.integers(1, 16)), y + draw(st.integers(1, 16))


def draw_mask(box):
    mask = np.zeros((32, 32), np.bool_)
    mask[box[1] : box[3], box[0] : box[2]] = True
    return mask


def scalar_iou(a, b):
    width = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
    height = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    shared = width * height
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared
    return shared / union


def grow_box(box, margin):
    width, height = box[2] - box[0], box[3] - box[1]
    return (
        box[0] - margin * width,
        box[1] - margin * height,
        box[2] + margin * width,
        box[3] + margin * height,
    )


@given(boxes())
def test_conversions_are_inverse_to_each_other(some):
    assert np.allclose(cxcywh_to_xyxy(xyxy_to_cxcywh(some)), some, atol=1e-3)


def test_conversions_by_hand():
    box = stack_boxes([[10, 20, 14, 30]])
    assert xyxy_to_ltwh(box).tolist() == [[10, 20, 4, 10]]
    assert xyxy_to_cxcywh(box).tolist() == [[12, 25, 4, 10]]
    assert cxcywh_to_xyxy(stack_boxes([[12, 25, 4, 10]])).tolist() == box.tolist()


@pytest.mark.parametrize(
    "convert",
    [xyxy_to_ltwh, cxcywh_to_xyxy, xyxy_to_cxcywh],
    ids=lambda f: f.__name__,
)
def test_conversions_keep_dtype_and_input(convert):
    box = stack_boxes([[10, 20, 14, 30]])
    before = box.copy()
    assert convert(box).dtype == np.float32
    assert convert(box.astype(np.float64)).dtype == np.float64
    assert convert(NONE).shape == (0, 4)
    assert np.array_equal(box, before)


@given(boxes())
def test_area_and_size_follow_the_sides(some):
    width, height = (some[:, 2:] - some[:, :2]).T
    assert np.allclose(area(some), width * height, rtol=1e-5)
    assert np.allclose(size(some) ** 2, width * height, rtol=1e-4)


def test_a_box_of_negative_size_has_no_area_and_no_overlap():
    inverted = stack_boxes([[10, 10, 4, 4], [4, 10, 8, 2], [5, 5, 5, 9]])
    assert area(inverted).tolist() == [0, 0, 0]
    assert iou(inverted, stack_boxes([[0, 0, 20, 20]])).tolist() == [[0], [0], [0]]


@given(boxes(), boxes())
def test_iou_is_symmetric_and_lies_between_0_and_1(a, b):
    overlap = iou(a, b)
    assert overlap.shape == (len(a), len(b))
    assert np.allclose(overlap, iou(b, a).T, atol=1e-6)
    assert (overlap >= 0).all()
    assert (overlap <= 1 + 1e-6).all()


@given(boxes())
def test_iou_of_a_box_with_itself_is_1(some):
    assert np.allclose(np.diag(iou(some, some)), 1, atol=1e-6)


@given(boxes(), boxes())
def test_iou_equals_one_box_at_a_time(a, b):
    oracle = [[scalar_iou(p, q) for q in b.astype(float)] for p in a.astype(float)]
    assert np.allclose(iou(a, b), np.reshape(oracle, (len(a), len(b))), atol=1e-5)


@given(st.lists(pixel_boxes(), max_size=4), st.lists(pixel_boxes(), max_size=4))
def test_overlap_equals_counted_pixels(a, b):
    shared = intersection(stack_boxes(a), stack_boxes(b))
    overlap = iou(stack_boxes(a), stack_boxes(b))
    assert shared.shape == overlap.shape == (len(a), len(b))
    for i, p in enumerate(a):
        for j, q in enumerate(b):
            both = (draw_mask(p) & draw_mask(q)).sum()
            assert shared[i, j] == both
            assert overlap[i, j] == pytest.approx(both / (draw_mask(p) | draw_mask(q)).sum())


def test_boxes_that_only_touch_share_nothing():
    left, right, below = [0, 0, 5, 5], [5, 0, 10, 5], [0, 5, 5, 10]
    assert iou(stack_boxes([left]), stack_boxes([right, below])).tolist() == [[0, 0]]


@given(boxes(), boxes())
def test_buffered_iou_without_margin_is_iou(a, b):
    assert np.allclose(buffered_iou(a, b, np.zeros(len(a), np.float32)), iou(a, b), atol=1e-5)


@given(boxes(), boxes(), st.data())
def test_buffered_iou_equals_one_pair_of_grown_boxes_at_a_time(a, b, data):
    margins = st.lists(st.floats(0, 1, width=32), min_size=len(a), max_size=len(a))
    margin = np.array(data.draw(margins), np.float32)
    overlap = buffered_iou(a, b, margin)
    assert overlap.shape == (len(a), len(b))
    for i, p in enumerate(a.astype(float)):
        for j, q in enumerate(b.astype(float)):
            oracle = scalar_iou(grow_box(p, float(margin[i])), grow_box(q, float(margin[i])))
            assert overlap[i, j] == pytest.approx(oracle, abs=1e-3)


def test_a_margin_lets_boxes_meet_that_are_apart():
    a, b = stack_boxes([[0, 0, 10, 10]]), stack_boxes([[12, 0, 22, 10]])
    overlaps = [buffered_iou(a, b, np.full(1, m, np.float32))[0, 0] for m in (0, 0.1, 0.2, 0.4)]
    assert overlaps[:2] == [0, 0]
    assert 0 < overlaps[2] < overlaps[3]


@given(st.lists(pixel_boxes(), max_size=5), st.integers(1, 32), st.integers(1, 32))
def test_inside_fraction_equals_counted_pixels(some, width, height):
    share = inside_fraction(stack_boxes(some), (width, height))
    assert share.shape == (len(some),)
    image = draw_mask((0, 0, width, height))
    for box, found in zip(some, share, strict=True):
        mask = draw_mask(box)
        assert found == pytest.approx((mask & image).sum() / mask.sum())


def test_inside_fraction_of_boxes_beyond_every_edge():
    some = stack_boxes(
        [[-5, 0, 5, 10], [0, -5, 10, 5], [95, 0, 105, 10], [0, 45, 10, 55], [-9, 0, 0, 9]]
    )
    assert inside_fraction(some, (100, 50)).tolist() == [0.5, 0.5, 0.5, 0.5, 0]


def test_no_boxes_are_legal_everywhere():
    one = stack_boxes([[0, 0, 1, 1]])
    assert area(NONE).shape == size(NONE).shape == (0,)
    assert inside_fraction(NONE, (4, 4)).shape == (0,)
    for a, b in [(NONE, one), (one, NONE), (NONE, NONE)]:
        shape = len(a), len(b)
        assert intersection(a, b).shape == iou(a, b).shape == shape
        assert buffered_iou(a, b, np.zeros(len(a), np.float32)).shape == shape


@given(boxes(largest=60.0))
def test_the_covered_share_equals_a_loop_over_the_boxes_in_front(some):
    def shared(a, b):
        width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
        return max(width, 0) * max(height, 0) / ((a[2] - a[0]) * (a[3] - a[1]))

    rows = some.astype(float).tolist()
    slow = [max([shared(a, b) for b in rows if b[3] > a[3]], default=0) for a in rows]
    covered = covered_fraction(some)
    assert covered.shape == (len(some),)
    np.testing.assert_allclose(covered, slow, atol=1e-4)


def test_what_reaches_lower_covers_and_equals_do_not():
    some = stack_boxes([[0, 0, 10, 10], [5, 0, 15, 12], [0, 0, 10, 10], [50, 50, 50, 60]])
    assert covered_fraction(some).tolist() == [0.5, 0, 0.5, 0]

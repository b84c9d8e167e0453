import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.testing import assert_close

from mvot_plugin.ops.tensors.anchors import anchor_boxes, decode_boxes, encode_boxes

RATIOS = (1 / 3, 1 / 2, 1.0, 2.0, 3.0)
DEVICES = ["cpu"] + (["cuda"] if torch.cuda.is_available() else [])

SIDE = st.floats(10, 400, width=32)
BOX = st.tuples(st.floats(-500, 500, width=32), st.floats(-500, 500, width=32), SIDE, SIDE)


@pytest.fixture(scope="module")
def anchors():
    return anchor_boxes(RATIOS, scale=8.0, stride=8.0, cells=25)


def random_boxes(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    centre = torch.rand(*shape, 2, generator=generator) * 200 - 100
    return torch.cat([centre, torch.rand(*shape, 2, generator=generator) * 90 + 10], -1)


def random_deltas(*shape):
    return torch.randn(*shape, 4, generator=torch.Generator().manual_seed(3)) * 0.7


def encode_scalar(box, anchor):
    (x, y, w, h), (x_a, y_a, w_a, h_a) = box, anchor
    return [(x - x_a) / w_a, (y - y_a) / h_a, (w / w_a).log(), (h / h_a).log()]


def decode_scalar(delta, anchor):
    (dx, dy, dw, dh), (x_a, y_a, w_a, h_a) = delta, anchor
    return [dx * w_a + x_a, dy * h_a + y_a, w_a * math.e**dw, h_a * math.e**dh]


def apply_one_by_one(code, some, others):
    rows = [torch.stack(code(*pair)) for pair in zip(some, others, strict=True)]
    return torch.stack(rows)


def test_all_anchors_have_the_same_area(anchors):
    assert anchors.shape == (5, 25, 25, 4)
    assert_close(anchors[..., 2] * anchors[..., 3], torch.full((5, 25, 25), 64.0**2))


def test_the_ratio_of_an_anchor_is_its_height_to_its_width(anchors):
    shapes = anchors[:, 3, 21, 2:]
    assert_close(shapes[:, 1] / shapes[:, 0], torch.tensor(RATIOS))
    assert shapes[0].tolist() == pytest.approx([64 * math.sqrt(3), 64 / math.sqrt(3)])
    assert shapes[2].tolist() == [64, 64]
    assert shapes[4].tolist() == pytest.approx([64 / math.sqrt(3), 64 * math.sqrt(3)])


def test_anchors_lie_a_stride_apart_about_the_middle(anchors):
    for k in range(5):
        for row in range(25):
            for column in range(25):
                position = anchors[k, row, column, :2].tolist()
                assert position == [8 * (column - 12), 8 * (row - 12)]


def test_anchors_of_an_even_map_lie_either_side_of_the_middle():
    some = anchor_boxes([4.0], scale=2.0, stride=10.0, cells=4)
    assert some[0, 0, :, 0].tolist() == some[0, :, 3, 1].tolist() == [-15, -5, 5, 15]
    assert some[0, 1, 2, 2:].tolist() == [10, 40]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(
    ("fast", "slow"), [(encode_boxes, encode_scalar), (decode_boxes, decode_scalar)]
)
def test_coding_and_its_gradients_equal_one_box_at_a_time(fast, slow, device):
    anchors = random_boxes(12, seed=1)
    some = random_boxes(12, seed=2) if slow is encode_scalar else random_deltas(12)
    weights = random_deltas(12)
    results = []
    for code, where in [(lambda a, b: apply_one_by_one(slow, a, b), "cpu"), (fast, device)]:
        ours = some.to(where, copy=True).requires_grad_()
        theirs = anchors.to(where, copy=True).requires_grad_()
        coded = code(ours, theirs)
        (coded * weights.to(where)).sum().backward()
        results.append([v.cpu() for v in (coded.detach(), ours.grad, theirs.grad)])
    for expected, found in zip(*results, strict=True):
        assert_close(found, expected, rtol=1e-4, atol=1e-4)


@given(st.lists(st.tuples(BOX, BOX), min_size=1, max_size=6))
def test_decoding_undoes_encoding(pairs):
    boxes, anchors = torch.tensor(pairs, dtype=torch.float32).unbind(1)
    assert_close(decode_boxes(encode_boxes(boxes, anchors), anchors), boxes, rtol=1e-4, atol=1e-3)


@given(st.lists(BOX, min_size=2, max_size=7))
def test_coding_a_history_against_itself_gives_its_differences(history):
    boxes = torch.tensor(history, dtype=torch.float32)
    differences = encode_boxes(boxes[1:], boxes[:-1])
    for found, (x, y, w, h), (x_, y_, w_, h_) in zip(
        differences.tolist(), history[1:], history, strict=False
    ):
        oracle = [(x - x_) / w_, (y - y_) / h_, math.log(w / w_), math.log(h / h_)]
        assert found == pytest.approx(oracle, rel=1e-4, abs=1e-5)


def test_an_unchanged_box_is_encoded_as_0():
    boxes = random_boxes(5)
    assert encode_boxes(boxes, boxes).abs().max() == 0
    assert torch.equal(decode_boxes(torch.zeros(5, 4), boxes), boxes)


def test_each_target_is_decoded_against_the_same_anchors(anchors):
    deltas = random_deltas(2, 5, 25, 25)
    boxes = decode_boxes(deltas, anchors)
    assert boxes.shape == deltas.shape
    for n, k, row, column in [(0, 0, 0, 0), (1, 4, 24, 3), (1, 2, 7, 20)]:
        oracle = decode_scalar(deltas[n, k, row, column], anchors[k, row, column])
        assert_close(boxes[n, k, row, column], torch.stack(oracle))
    assert_close(encode_boxes(boxes, anchors), deltas, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_huge_outputs_of_the_network_do_not_overflow(dtype):
    anchor = torch.tensor([[0, 0, 100, 100]], dtype=dtype)
    grown = decode_boxes(torch.tensor([[0, 0, 6e4, 6e4]], dtype=dtype), anchor)
    shrunk = decode_boxes(torch.tensor([[0, 0, -6e4, -6e4]], dtype=dtype), anchor)
    assert_close(grown[0, 2:].float(), torch.full((2,), 100 * math.exp(4)), rtol=2e-3, atol=0)
    assert_close(shrunk[0, 2:].float(), torch.full((2,), 100 * math.exp(-4)), rtol=2e-3, atol=0)


def test_no_boxes_are_legal():
    none = torch.zeros(0, 4)
    assert encode_boxes(none, none).shape == decode_boxes(none, none).shape == (0, 4)

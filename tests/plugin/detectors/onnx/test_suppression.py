import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mvot_plugin.detectors.onnx import suppression
from mvot_plugin.detectors.onnx.suppression import suppress_duplicates
from mvot_plugin.types import Detections

rows = st.lists(
    st.tuples(*[st.integers(0, 12)] * 2, *[st.integers(1, 12)] * 2, st.integers(0, 2)), max_size=25
)


def suppress_slowly(found, iou):
    """The oracle: rows from the most confident on, each kept if no kept one is too near."""

    def overlap(one, other):
        sides = np.minimum(one[2:], other[2:]) - np.maximum(one[:2], other[:2])
        both = np.prod(sides) if (sides > 0).all() else 0
        return both / (np.prod(one[2:] - one[:2]) + np.prod(other[2:] - other[:2]) - both)

    kept = []
    for row in np.argsort(-found.confidence):
        same = [k for k in kept if found.class_id[k] == found.class_id[row]]
        if all(overlap(found.xyxy[k], found.xyxy[row]) <= iou for k in same):
            kept.append(row)
    return kept


@pytest.mark.parametrize("block", [3, 1000])
@given(rows=rows, iou=st.sampled_from([0.0, 0.31, 0.47, 0.69, 1.0]), seed=st.integers(0, 99))
def test_it_keeps_what_the_definition_keeps_in_blocks_of_any_size(block, rows, iou, seed):
    boxes = np.array([[x, y, x + w, y + h] for x, y, w, h, _ in rows]).reshape(-1, 4)
    scores = np.random.default_rng(seed).permutation(len(rows)) / 25
    found = Detections.of(boxes, scores, [row[4] for row in rows])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(suppression, "_BLOCK", block)
        kept = suppress_duplicates(found, iou)
    expected = found[suppress_slowly(found, iou)] if rows else found
    assert kept.xyxy.tolist() == expected.xyxy.tolist()
    assert kept.confidence.tolist() == expected.confidence.tolist()
    assert kept.class_id.tolist() == expected.class_id.tolist()


def test_the_best_are_kept_where_there_are_too_many():
    found = Detections.of([[k, 0, k + 1, 1] for k in range(5)], [0.1, 0.5, 0.3, 0.9, 0.2])
    for iou in (None, 0.5):
        kept = suppress_duplicates(found, iou, most=3).confidence
        assert kept.round(1).tolist() == np.float32([0.9, 0.5, 0.3]).round(1).tolist()

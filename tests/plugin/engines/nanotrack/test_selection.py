"""The selection of boxes, against OpenCV's ``TrackerNano`` written out in loops."""

import math

import numpy as np
import pytest

from mvot_plugin.engines.nanotrack.selection import Selection

STRIDE, SIDE = 16, 16


def select_slowly(settings, logits, distances, last):
    """The box and the logit of one target, as ``TrackerNano::update`` computes them."""

    def padded(width, height):
        margin = (width + height) / 2
        return math.sqrt((width + margin) * (height + margin))

    def change(ratio):
        return max(ratio, 1 / ratio)

    width, height = last
    best = (-math.inf, None)
    for row in range(SIDE):
        for column in range(SIDE):
            left, top, right, bottom = distances[:, row, column]
            w, h = left + right, top + bottom
            x = (column - SIDE // 2) * STRIDE + (right - left) / 2
            y = (row - SIDE // 2) * STRIDE + (bottom - top) / 2
            scale = change(padded(w, h) / padded(width, height))
            aspect = change((w / h) / (width / height))
            penalty = math.exp(-(scale * aspect - 1) * settings.shape)
            score = 1 / (1 + math.exp(-logits[row, column]))
            hann = [0.5 - 0.5 * math.cos(2 * math.pi * i / (SIDE - 1)) for i in (row, column)]
            total = (1 - settings.window) * penalty * score
            total += settings.window * hann[0] * hann[1]
            if total > best[0]:
                rate = penalty * score * settings.size_damping
                size = [rate * new + (1 - rate) * old for new, old in ((w, width), (h, height))]
                best = total, ([x, y, *size], logits[row, column])
    return best[1]


def random_answers(count, seed):
    random = np.random.default_rng(seed)
    logits = random.normal(0, 4, (count, SIDE, SIDE)).astype(np.float32)
    distances = random.uniform(5, 90, (count, 4, SIDE, SIDE)).astype(np.float32)
    return logits, distances, random.uniform(20, 120, (count, 2)).astype(np.float32)


@pytest.mark.parametrize(
    "settings", [Selection(), Selection(window=0.1, shape=0.4, size_damping=0.9)], ids=str
)
@pytest.mark.parametrize("seed", range(3))
def test_boxes_are_selected_as_in_opencv(settings, seed):
    logits, distances, last = random_answers(20, seed)
    boxes, scores = settings.select(logits, distances, last, STRIDE)
    for row in range(20):
        box, logit = select_slowly(settings, logits[row], distances[row], last[row])
        assert np.allclose(boxes[row], box, atol=1e-2)
        assert scores[row] == pytest.approx(logit)


def test_masks_take_their_share_of_the_score():
    """Of two peaks, the lower one wins where the mask takes more than the difference."""
    logits = np.full((1, SIDE, SIDE), -9, np.float32)
    logits[0, 8, 7], logits[0, 8, 9] = 1.0, 0.5
    distances = np.full((1, 4, SIDE, SIDE), 30, np.float32)
    last, masks = np.array([[60, 60]], np.float32), np.ones((1, SIDE, SIDE), np.float32)
    masks[0, 8, 7] = 0.2
    for share, column in ((0.0, 7), (0.1, 7), (0.3, 9)):
        selection = Selection(window=0.0, distractor=share)
        (box,), (logit,) = selection.select(logits, distances, last, STRIDE, masks)
        assert box[0] == pytest.approx((column - 8) * STRIDE)
        assert logit == logits[0, 8, column]


def test_the_cell_before_the_middle_of_the_image_is_the_target_s_place():
    """NanoTrack's cells are a stride apart, and the eighth of sixteen lies on the target."""
    logits = np.full((1, SIDE, SIDE), -9, np.float32)
    logits[0, 8, 10] = 9
    distances = np.full((1, 4, SIDE, SIDE), 30, np.float32)
    last = np.array([[60, 60]], np.float32)
    boxes, scores = Selection().select(logits, distances, last, STRIDE)
    assert np.allclose(boxes, [[32, 0, 60, 60]], atol=1e-4)
    assert scores == [9]


def test_sizes_follow_as_fast_as_the_score_says():
    distances = np.full((1, 4, SIDE, SIDE), 40, np.float32)
    last = np.array([[60, 60]], np.float32)
    widths = []
    for logit in (-4, 0, 4):
        logits = np.full((1, SIDE, SIDE), logit, np.float32)
        boxes, _ = Selection().select(logits, distances, last, STRIDE)
        widths.append(boxes[0, 2])
    assert 60 < widths[0] < widths[1] < widths[2] < 80


@pytest.mark.parametrize("logit", [-1e4, 1e4])
@pytest.mark.parametrize("distance", [0.0, 1e-20, 1e30, np.inf])
def test_extreme_answers_give_finite_boxes(logit, distance):
    logits = np.full((2, SIDE, SIDE), logit, np.float32)
    distances = np.full((2, 4, SIDE, SIDE), distance, np.float32)
    last = np.array([[60, 60], [1e-2, 1e4]], np.float32)
    boxes, _ = Selection().select(logits, distances, last, STRIDE)
    assert np.isfinite(boxes).all()
    assert (boxes[:, 2:] > 0).all()

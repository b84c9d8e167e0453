"""Masks of frames are reduced to their boxes, and pasted back."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mvot_plugin.types import crop_masks, paste_mask


def crop_slowly(mask, box, bins, fine=20):
    """The mean of each cell, by points."""
    x0, y0, x1, y1 = box
    steps = (np.arange(bins * fine) + 0.5) / (bins * fine)
    xs, ys = x0 + steps * (x1 - x0), y0 + steps * (y1 - y0)
    inside = ((ys >= 0) & (ys < len(mask)))[:, None] & ((xs >= 0) & (xs < mask.shape[1]))
    rows = ys.astype(int).clip(0, len(mask) - 1)
    columns = xs.astype(int).clip(0, mask.shape[1] - 1)
    points = mask[rows][:, columns] * inside
    return points.reshape(bins, fine, bins, fine).mean((1, 3))


@given(
    st.integers(0, 99),
    st.tuples(st.floats(-9, 30), st.floats(-9, 20), st.floats(0.6, 40), st.floats(0.6, 40)),
)
def test_cells_are_means_of_pixels(seed, place):
    mask = np.random.default_rng(seed).random((24, 32), np.float32)
    x0, y0, width, height = place
    box = np.array([x0, y0, x0 + width, y0 + height], np.float32)
    cropped = crop_masks(mask[None], box[None], bins=4)[0]
    np.testing.assert_allclose(cropped, crop_slowly(mask, box, 4), atol=0.08)


def test_a_mask_survives_being_cropped_and_pasted():
    y, x = np.mgrid[:240, :320]
    mask = ((x - 150) / 70) ** 2 + ((y - 110) / 90) ** 2 < 1
    box = np.array([80, 20, 220.4, 200.7], np.float32)
    pasted = paste_mask(crop_masks(mask[None], box[None])[0], box, (320, 240))
    back = np.zeros_like(mask)
    back[pasted.window] = pasted.pixels
    assert (mask & back).sum() / (mask | back).sum() > 0.98


def test_boxes_that_cannot_be_cropped_have_empty_masks():
    boxes = np.array([[5, 5, 5, 9], [np.nan, 0, 1, 1], [400, 400, 410, 410]], np.float32)
    assert not crop_masks(np.ones((3, 20, 20), bool), boxes).any()
    assert crop_masks(np.ones((0, 20, 20), bool), boxes[:0]).shape == (0, 64, 64)

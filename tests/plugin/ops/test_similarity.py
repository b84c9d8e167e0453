"""Similarities between images: estimated, and applied to boxes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mvot_plugin.ops.similarity import estimate_similarity, scale_of, warp_boxes


def similarity(angle=0.0, scale=1.0, dx=0.0, dy=0.0):
    sine, cosine = scale * np.sin(angle), scale * np.cos(angle)
    return np.array([[cosine, -sine, dx], [sine, cosine, dy]])


@given(st.floats(-np.pi, np.pi), st.floats(0.2, 5), st.floats(-100, 100), st.integers(0, 2**32 - 1))
def test_boxes_are_moved_by_their_centres_and_scaled_upright(angle, scale, dx, seed):
    rng, motion = np.random.default_rng(seed), similarity(angle, scale, dx, -3.0)
    corner = rng.uniform(-50, 300, (4, 2))
    boxes = np.hstack([corner, corner + rng.uniform(2, 90, (4, 2))]).astype(np.float32)
    moved = warp_boxes(boxes, motion)
    assert moved.dtype == np.float32
    for (x0, y0, x1, y1), (u0, v0, u1, v1) in zip(boxes.tolist(), moved.tolist(), strict=True):
        centre = motion @ [(x0 + x1) / 2, (y0 + y1) / 2, 1]
        assert [(u0 + u1) / 2, (v0 + v1) / 2] == pytest.approx(centre, abs=2e-3)
        sides = [scale * (x1 - x0), scale * (y1 - y0)]
        assert [u1 - u0, v1 - v0] == pytest.approx(sides, abs=2e-3)
    assert scale_of(motion) == pytest.approx(scale)


def test_a_turn_back_restores_the_boxes():
    boxes = np.array([[10, 20, 40, 80], [100, 5, 160, 60]], np.float32)
    forth = similarity(0.3, 1.2, 12, -7)
    inverse = np.linalg.inv(np.vstack([forth, [0, 0, 1]]))[:2]
    np.testing.assert_allclose(warp_boxes(warp_boxes(boxes, forth), inverse), boxes, atol=1e-3)
    assert warp_boxes(np.empty((0, 4), np.float32), forth).shape == (0, 4)


def test_the_motion_of_an_image_is_found_in_spite_of_what_moves_in_it(render_view):
    before, after = render_view()[:, :, 1].copy(), render_view(dx=7, dy=-4)[:, :, 1].copy()
    after[80:160, 100:180] = before[60:140, 130:210]
    motion = estimate_similarity(before, after)
    np.testing.assert_allclose(motion, similarity(dx=7, dy=-4), atol=0.2)
    assert estimate_similarity(before, before.copy()) == pytest.approx(similarity(), abs=0.02)


def test_without_enough_points_there_is_no_estimate(render_view):
    image, black = render_view()[:, :, 1].copy(), np.zeros((240, 320), np.uint8)
    one_corner = black.copy()
    one_corner[100:, 200:] = 255
    noise = np.random.default_rng(0).integers(0, 255, (240, 320), np.uint8)
    for before, after in ((black, image), (one_corner, one_corner), (image, noise)):
        assert estimate_similarity(before, after) is None

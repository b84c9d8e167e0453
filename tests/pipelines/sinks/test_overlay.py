import time

import cv2
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mvot_pipelines.sinks.colors import PALETTE, TrackColors
from mvot_pipelines.sinks.overlay import Painter, draw_tracks
from mvot_pipelines.sinks.overlay import painter as painting
from mvot_pipelines.sinks.overlay import tracks as drawing
from mvot_plugin.types import Frame, Tracks, paste_mask

GREY = np.full((288, 384, 3), 90, np.uint8)


def frame(index: int = 0, image: np.ndarray = GREY, timestamp: float = 0.0) -> Frame:
    return Frame(image=image, index=index, timestamp=timestamp)


def tracks(
    boxes: object, ids: object = None, detected: object = True, masks: object = None
) -> Tracks:
    corners = np.array(boxes, np.float32).reshape(-1, 4)
    count = len(corners)
    return Tracks(
        id=np.arange(1, count + 1) if ids is None else np.array(ids, np.int64),
        xyxy=corners,
        score=np.ones(count, np.float32),
        class_id=np.zeros(count, np.int64),
        detected=np.broadcast_to(np.array(detected), count).copy(),
        masks=masks,
    )


def changed_pixels(image: np.ndarray, original: np.ndarray = GREY) -> np.ndarray:
    return (image != original).any(axis=2)


def test_drawing_does_not_change_its_input():
    before = GREY.copy()
    drawn = draw_tracks(GREY, tracks([[50, 60, 120, 200]]), {1: [(80, 200), (85, 200)]})
    np.testing.assert_array_equal(GREY, before)
    assert drawn.shape == GREY.shape
    assert changed_pixels(drawn).any()


def test_detected_boxes_are_whole_and_estimated_ones_are_corners():
    box = [[100, 60, 180, 240]]
    rectangle = changed_pixels(draw_tracks(GREY, tracks(box), {}))
    corners = changed_pixels(draw_tracks(GREY, tracks(box, detected=False), {}))
    for view in (rectangle, corners):
        assert view[60, 100]
        assert view[239, 179]
        assert not view[150, 140], "the inside stays clear"
    assert rectangle[150, 100]
    assert rectangle[150, 179]
    assert rectangle[239, 140]
    assert not corners[150, 95:106].any()
    assert not corners[234:245, 140].any()


def test_the_label_stays_inside_the_image():
    names = {0: "person"}
    for box in ([-20, -20, 20, 30], [370, 0, 400, 60], [360, 280, 400, 300], [0, 100, 5, 110]):
        bare = draw_tracks(GREY, tracks([box]), {})
        named = draw_tracks(GREY, tracks([box]), {}, class_names=names)
        assert changed_pixels(named).sum() > changed_pixels(bare).sum()
        color = np.array(PALETTE[0])
        assert (named == color).all(axis=2).sum() > 200, "the filled tag is in view"


corner = st.floats(allow_nan=True, allow_infinity=True, width=32)


@given(st.lists(st.tuples(corner, corner, corner, corner), max_size=4))
def test_any_box_can_be_drawn_on_any_image(boxes):
    painter = Painter()
    for size in ((1, 1), (48, 64), (65, 31)):
        image = np.zeros((*size, 3), np.uint8)
        for masks in (None, np.ones((len(boxes), 3, 3), np.float32)):
            some = tracks(boxes, detected=False, masks=masks)
            painted = painter.paint(frame(0, image, float("nan")), some)
            assert painted.shape == image.shape


RING = np.ones((1, 9, 9), np.float32)
RING[0, 3:6, 3:6] = RING[0, :2] = 0
"""Probabilities of a target with a hole, whose box reaches above it."""


def test_a_mask_is_a_tint_with_an_edge_under_box_and_label():
    boxes = [[100.3, 60.7, 180.2, 240]]
    pixels = np.zeros(GREY.shape[:2], bool)
    pasted = paste_mask(RING[0], np.float32(boxes[0]), (384, 288))
    pixels[pasted.window] = pasted.pixels
    bare = draw_tracks(GREY, tracks(boxes), {})
    drawn = draw_tracks(GREY, tracks(boxes, masks=RING), {})
    np.testing.assert_array_equal(drawn, draw_tracks(GREY, tracks(boxes, masks=RING), {}))
    assert not changed_pixels(drawn, bare)[~pixels].any()
    free = pixels & ~changed_pixels(bare)
    color = np.array(PALETTE[0])
    is_edge = (drawn == color).all(axis=2) & free
    is_tint = (drawn == (0.6 * 90 + 0.4 * color).round()).all(axis=2) & free
    np.testing.assert_array_equal(is_edge | is_tint, free)
    beside = np.zeros_like(pixels)
    for axis, step in ((0, 1), (0, -1), (1, 1), (1, -1)):
        beside |= pixels & ~np.roll(pixels, step, axis)
    np.testing.assert_array_equal(is_edge, beside & free)
    assert is_edge.sum() > 200
    assert is_tint.sum() > 4000
    lines = (bare == color).all(axis=2)
    assert (drawn[lines] == color).all()


def test_the_mask_of_the_nearer_target_is_on_top():
    masks = np.ones((2, 4, 4), np.float32)
    drawn = draw_tracks(GREY, tracks([[50, 60, 150, 200], [90, 90, 200, 150]], masks=masks), {})
    colors = np.array(PALETTE[:2])
    under = (0.6 * 90 + 0.4 * colors[1]).round()
    np.testing.assert_allclose(drawn[120, 120], 0.6 * under + 0.4 * colors[0], atol=0.5)
    assert drawn[120, 170].tolist() == under.tolist()


def test_a_mask_that_reaches_no_half_is_not_drawn():
    boxes, masks = [[50, 60, 150, 200]], np.full((1, 4, 4), 0.49, np.float32)
    drawn = draw_tracks(GREY, tracks(boxes, masks=masks), {})
    np.testing.assert_array_equal(drawn, draw_tracks(GREY, tracks(boxes), {}))


def test_trails_follow_the_track_and_are_forgotten_in_time():
    painter = Painter(frame_rate=10.0, trail_seconds=0.5)
    for index in range(100):
        painter.paint(frame(index), tracks([[index, 50, index + 40, 120]], ids=[index // 50 + 1]))
        assert sum(len(trail) for trail in painter._trails.values()) <= 5
    assert list(painter._trails) == [2]
    for index in range(5):
        painter.paint(frame(index), Tracks.empty())
    assert painter._trails == {}


def test_a_trail_is_drawn_where_the_track_went():
    painter = Painter(frame_rate=10, trail_seconds=2)
    static_painter = Painter(frame_rate=10, trail_seconds=2)
    for x in (100, 120, 140, 160):
        moved = painter.paint(frame(), tracks([[x, 100, x + 40, 220]]))
    stood = static_painter.paint(frame(), tracks([[160, 100, 200, 220]]))
    apart = np.argwhere(changed_pixels(moved, stood))
    assert len(apart) > 20
    assert apart[:, 0].min() > 210
    assert apart[:, 1].min() < 130


def test_trails_are_blended_as_if_over_the_whole_image():
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (720, 960, 3), np.uint8)
    trails = {}
    for track_id in range(1, 30):
        start, velocity = rng.uniform(-80, 1000, 2), rng.uniform(-20, 20, 2)
        path = [start + velocity * step for step in range(int(rng.integers(1, 40)))]
        trails[track_id] = [tuple(point.round().astype(int).tolist()) for point in path]
    canvas, layer, colors = image.copy(), image.copy(), TrackColors().assign(trails)
    drawing._draw_trails(canvas, image, np.empty_like(image), trails, colors)
    for track_id, trail in trails.items():
        if len(trail) > 1:
            drawing._draw_trail(layer, np.array(trail, np.int32), colors[track_id])
    np.testing.assert_array_equal(canvas, cv2.addWeighted(layer, 0.7, image, 0.3, 0))
    assert changed_pixels(canvas, image).any()


def test_the_legend_counts_in_the_upper_left_corner():
    painter = Painter()
    none = painter.paint(frame(3, timestamp=61.5), Tracks.empty()).copy()
    assert changed_pixels(none)[:30, :200].any()
    assert not changed_pixels(none)[40:].any()
    later = painter.paint(frame(4, timestamp=float("nan")), Tracks.empty())
    assert changed_pixels(none, later).any()
    assert painting._format_time(61.5) == "  1:01.5"
    assert painting._format_time(float("nan")) == ""


def test_drawing_takes_a_few_milliseconds():
    image = np.zeros((576, 768, 3), np.uint8)
    painter = Painter(class_names={0: "person"})
    some = tracks([[60 * n, 200, 60 * n + 50, 340] for n in range(10)])
    costs = []
    for index in range(30):
        start = time.perf_counter()
        painter.paint(frame(index, image), some)
        costs.append(time.perf_counter() - start)
    assert min(costs) < 0.02

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mvot_pipelines.counting import Count
from mvot_pipelines.sinks.overlay import Painter
from mvot_plugin.types import Frame, Tracks

GREY = np.full((300, 400, 3), 90, np.uint8)
SQUARE = [[100, 60], [300, 60], [300, 260], [100, 260]]


def line(*points: object) -> Count:
    return Count(name="a", kind="line", points=np.float32(points), entered=3, left=12)


def zone(*points: object) -> Count:
    return Count(name="b", kind="zone", points=np.float32(points), entered=7, inside=2)


def paint(*counts: Count, tracks: Tracks | None = None) -> np.ndarray:
    frame = Frame(image=GREY, index=0, timestamp=0.0)
    return Painter().paint(frame, tracks or Tracks.empty(), counts)


def added(*counts: Count) -> np.ndarray:
    """The pixels that counts change."""
    return (paint(*counts) != paint()).any(axis=2)


@pytest.mark.parametrize(
    ("points", "inside", "outside"),
    [
        ([[50, 200], [350, 200]], (190, 200), (210, 200)),
        ([[350, 200], [50, 200]], (210, 200), (190, 200)),
        ([[200, 280], [200, 80]], (180, 190), (180, 210)),
        ([[200, 80], [200, 280]], (180, 210), (180, 190)),
    ],
    ids=["to the right", "to the left", "up", "down"],
)
def test_the_arrow_of_a_line_points_to_its_left_side(points, inside, outside):
    pixels = added(line(*points))
    middle = tuple(np.mean(points, axis=0).astype(int)[::-1])
    assert pixels[middle]
    assert pixels[inside]
    assert not pixels[outside]


def test_a_zone_is_a_tint_with_an_edge():
    pixels, painted = added(zone(*SQUARE)), paint(zone(*SQUARE))
    assert pixels[66:140, 106:294].all()
    assert pixels[180:254, 106:294].all()
    assert not pixels[30:55].any()
    assert not pixels[:, 305:].any()
    assert painted[100, 150].tolist() == [round(0.8 * 90 + 0.2 * 255)] * 3
    assert painted[60, 200].min() > 200


def test_the_numbers_are_written_where_they_are_counted():
    for count, there in ((zone(*SQUARE), (160, 200)), (line([90, 250], [390, 250]), (250, 90))):
        other = Count(
            name=count.name,
            kind=count.kind,
            points=count.points,
            entered=888,
            left=888,
            inside=888,
        )
        changed = np.argwhere((paint(count) != paint(other)).any(axis=2))
        assert np.abs(changed - there).max(axis=0)[0] < 15
        assert len(changed) > 0


def test_tracks_are_drawn_over_zones():
    box = np.array([[150, 85, 200, 140]], np.float32)
    one = Tracks(
        id=np.array([1]),
        xyxy=box,
        score=np.ones(1, np.float32),
        class_id=np.array([0]),
        detected=np.array([True]),
    )
    bare, both = paint(tracks=one), paint(zone(*SQUARE), tracks=one)
    colored = np.ptp(bare, axis=2) > 20
    assert colored.sum() > 200
    np.testing.assert_array_equal(np.ptp(both, axis=2)[colored] > 20, True)


far = st.integers(-(10**6), 10**6).map(float)


@given(st.lists(st.tuples(far, far), min_size=2, max_size=6), st.booleans())
def test_any_place_can_be_drawn(points, closed):
    drawn = paint(zone(*points) if closed else line(*points[:2]))
    assert drawn.shape == GREY.shape


def test_nothing_changes_without_counts():
    image = GREY.copy()
    np.testing.assert_array_equal(paint(), paint())
    paint(zone(*SQUARE))
    np.testing.assert_array_equal(GREY, image)
    assert cv2.absdiff(paint(), GREY)[40:].max() == 0

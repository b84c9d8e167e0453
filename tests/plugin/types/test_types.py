import numpy as np
import pytest

from mvot_plugin.engines.base import Targets, as_boxes
from mvot_plugin.errors import InputError, unknown_name
from mvot_plugin.types import Detections, Frame, Tracks, as_frame


def boxes(n: int) -> np.ndarray:
    corners = np.arange(n, dtype=np.float32)[:, None]
    return np.hstack([corners, corners, corners + 10, corners + 20])


def test_detections_are_coerced_from_lists_and_indexed_by_row():
    found = Detections.of([[0, 0, 4, 5], [1, 1, 2, 2]], confidence=[0.5, 1], class_id=[0, 2])
    assert found.xyxy.dtype == np.float32
    assert found.class_id.dtype == np.int64
    assert len(found) == 2
    assert found[np.array([False, True])].class_id.tolist() == [2]
    assert found[0].xyxy.tolist() == [[0, 0, 4, 5]]
    assert len(Detections.empty()) == 0


def test_columns_of_unequal_length_are_refused():
    one, two = np.ones(1, np.float32), np.zeros(2, np.int64)
    with pytest.raises((ValueError, TypeError), match=r"differ in length|[Tt]ype-check"):
        Detections(xyxy=boxes(2), confidence=one, class_id=two)
    with pytest.raises((ValueError, TypeError), match=r"differ in length|[Tt]ype-check"):
        Tracks(id=two, xyxy=boxes(2), score=one, class_id=two, detected=two > 0)


def test_embeddings_follow_their_rows():
    found = Detections(
        xyxy=boxes(3),
        confidence=np.ones(3, np.float32),
        class_id=np.zeros(3, np.int64),
        embeddings=np.eye(3, dtype=np.float32),
    )
    assert found[[2]].embeddings.tolist() == [[0, 0, 1]]


def tracks(*ids, masks=None):
    count = len(ids)
    return Tracks(
        id=np.array(ids, np.int64),
        xyxy=boxes(count),
        score=np.ones(count, np.float32),
        class_id=np.zeros(count, np.int64),
        detected=np.ones(count, bool),
        masks=masks,
    )


def test_masks_follow_their_tracks():
    masks = np.random.default_rng(0).random((3, 5, 5), np.float32)
    some, bare = tracks(1, 2, 3, masks=masks), tracks(4)
    assert bare.masks is None
    assert bare[[0, 0]].masks is None
    np.testing.assert_array_equal(some[[2, 0]].masks, masks[[2, 0]])
    np.testing.assert_array_equal(some[1].masks, masks[1:2])
    assert some[:0].masks.shape == (0, 5, 5)
    together = Tracks.cat([some[:1], Tracks.empty(), some[1:]])
    np.testing.assert_array_equal(together.masks, masks)
    mixed = Tracks.cat([some, bare])
    assert mixed.masks is None
    assert mixed.id.tolist() == [1, 2, 3, 4]


def test_masks_are_square_and_one_for_each_track():
    for shape in ((2, 5, 5), (3, 5, 4)):
        with pytest.raises((ValueError, TypeError), match=r"differ in length|[Tt]ype-check"):
            tracks(1, 2, 3, masks=np.zeros(shape, np.float32))


@pytest.mark.parametrize(
    "bad",
    [
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 3), np.float32),
        np.zeros((0, 4, 3), np.uint8),
        np.zeros((4, 0, 3), np.uint8),
    ],
)
def test_a_frame_is_a_bgr_uint8_image(bad):
    with pytest.raises(InputError, match="BGR uint8"):
        as_frame(bad)


def test_a_bare_array_is_a_frame_of_unknown_time():
    frame = as_frame(np.zeros((6, 8, 3), np.uint8))
    assert frame.size == (8, 6)
    assert np.isnan(frame.timestamp)
    assert as_frame(frame) is frame
    assert isinstance(frame, Frame)


def test_targets_index_and_concatenate():
    some = Targets(boxes=boxes(4))
    assert len(some[np.array([True, False, False, True])]) == 2
    assert some[np.array([3, 0])].boxes[0, 0] == 3
    assert len(some[1]) == 1
    assert len(Targets.cat([some, some[:1], some[:0]])) == 5
    with pytest.raises(ValueError, match="nothing"):
        Targets.cat([])


@pytest.mark.parametrize("bad", [[0, 0, np.nan, 4], [0, 0, 0, 4], [5, 5, 4, 9]])
def test_engines_refuse_boxes_without_area(bad):
    with pytest.raises(ValueError, match="box 1 is not finite or has no area"):
        as_boxes([[0, 0, 1, 1], bad])


def test_an_unknown_name_names_the_nearest():
    assert "did you mean 'lk-flow'?" in str(unknown_name("engine", "lkflow", ["hold", "lk-flow"]))
    assert "choose from a, b" in str(unknown_name("engine", "zzzz", ["b", "a"]))

"""What came with a detection goes with its track, and moves with the box."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from helpers.pipelines import BOX, OTHER, blank_frames
from helpers.pipelines.workers import lagging
from helpers.synthetic import render
from mvot_pipelines.pipeline import MotPipeline
from mvot_pipelines.tracking.carried import CORNERS, Carried, move_points
from mvot_plugin.types import Detections, Tracks
from mvot_synthetic import NoisyDetector, street

PLACES = np.array([[0.5, 0.1], [0.2, 0.9]], np.float32)
"""Keypoints, relative to the box."""
THIN = [50.0, 50.0, 50.0, 60.0]


def points_of(boxes):
    """The keypoints of boxes."""
    return boxes[:, None, :2] + PLACES * (boxes[:, None, 2:] - boxes[:, None, :2])


class DetailedDetector:
    """A noisy detector whose first detection has no area, and that says more of all of them."""

    names = ("person", "car")

    def __init__(self, scene):
        self._detect = NoisyDetector(scene, seed=1, recall=0.8, false_positives=0.3)

    def __call__(self, frame):
        found = self._detect(frame)
        boxes = np.concatenate([np.array([THIN], np.float32), found.xyxy])
        count = len(boxes)
        points = np.dstack([points_of(boxes), np.full((count, 2), 0.7, np.float32)])
        return Detections.of(
            boxes,
            [1, *found.confidence],
            [0, *found.class_id],
            keypoints=points,
            masks=np.full((count, 4, 4), frame.index / 1000, np.float32),
            data={
                "serial": np.arange(count) + 1000 * frame.index,
                CORNERS: points_of(boxes),
                "text": [f"{frame.index}"] * count,
            },
        )


@cache
def busy_street():
    return street(7, size=(320, 240), frames=60, walkers=8, vehicles=1, cyclists=1)


def run(engine, **options):
    scene = busy_street()
    with MotPipeline(DetailedDetector(scene), engine, 4, **options) as pipeline:
        return [(frame, pipeline.step(frame)) for frame in render(scene)]


@pytest.mark.parametrize("lag", [None, 2])
def test_each_track_has_what_its_detection_had(lag):
    options = {} if lag is None else {"asynchronous": lagging(lag)}
    answers, last = run("lk-flow", **options), {}
    assert sum(tracks.detected.sum() for _, tracks in answers) > (60 if lag is None else -1)
    for frame, tracks in answers:
        if not len(tracks):
            continue
        serial, index = tracks.data["serial"], tracks.detection_index
        assert ((index >= 0) == tracks.detected).all()
        measured = tracks.detected
        assert (serial[measured] == 1000 * frame.index + index[measured]).all()
        assert (tracks.data["text"] == (serial // 1000).astype(str)).all()
        np.testing.assert_allclose(tracks.masks[:, 0, 0], serial // 1000 / 1000, atol=1e-6)
        for track_id, number in zip(tracks.id.tolist(), serial.tolist(), strict=True):
            assert number >= last.get(track_id, 0)
            last[track_id] = number
    assert len(last) > 5


def test_points_move_with_their_boxes_and_masks_stay_relative():
    for _, tracks in run("lk-flow"):
        np.testing.assert_allclose(tracks.keypoints[..., :2], points_of(tracks.xyxy), atol=0.02)
        np.testing.assert_allclose(tracks.data[CORNERS], points_of(tracks.xyxy), atol=0.02)
        assert (tracks.keypoints[..., 2] == np.float32(0.7)).all()
        assert tracks.class_names == {0: "person", 1: "car"}


def test_points_keep_their_place_in_a_box_that_moves_and_grows():
    points = np.array([[[10, 20], [15, 30]]], np.float32)
    before, after = np.array([[[10, 20, 20, 40]], [[0, 0, 40, 10]]], np.float32)
    assert move_points(points, before, after).tolist() == [[[0, 0], [20, 5]]]


def carry(*found):
    """Tracks 1, 2, ... whose last detections these are, one each."""
    carried, ids = Carried(), np.arange(len(found)) + 1
    for number, detections in enumerate(found):
        rows = np.where(ids == number + 1, 0, -1)[: number + 1]
        carried = carried.update(ids[: number + 1], rows, detections)
    boxes = np.array([BOX] * len(found), np.float32)
    ones = np.ones(len(found), np.float32)
    return carried.attach(Tracks(id=ids, xyxy=boxes, score=ones, class_id=ids, detected=ids > 0))


def test_a_value_that_a_detection_lacks_is_filled_by_its_kind():
    full = {"n": [3], "f": [0.5], "b": [True], "t": ["a"], "o": [{}]}
    tracks = carry(Detections.of([BOX]), Detections.of([BOX], data=full))
    filled = {name: column.tolist()[0] for name, column in tracks.data.items()}
    assert np.isnan(filled.pop("f"))
    assert filled == {"n": -1, "b": False, "t": "", "o": None}
    assert {name: column.tolist()[1:] for name, column in tracks.data.items()} == full


def test_columns_of_another_shape_do_not_mix():
    found = [Detections.of([BOX], keypoints=np.ones((1, count, 3))) for count in (3, 5, 3)]
    keypoints = carry(*found).keypoints
    assert keypoints.shape == (3, 3, 3)
    assert np.isnan(keypoints).all((1, 2)).tolist() == [False, True, False]


def test_longer_texts_are_not_cut():
    found = [Detections.of([BOX], data={"plate": [text]}) for text in ("A", "B-XY 1234")]
    assert carry(*found).data["plate"].tolist() == ["A", "B-XY 1234"]


def test_the_detectors_own_embeddings_are_kept_as_they_were():
    given = np.array([[3, 4], [0, 2]], np.float32)
    pipeline = MotPipeline(engine="hold")
    found = replace(Detections.of([BOX, OTHER]), embeddings=given)
    tracks = pipeline.update(blank_frames(1)[0], found)
    assert tracks.data["embeddings"][np.argsort(tracks.detection_index)].tolist() == given.tolist()

"""The engine: all targets together, in parts of the frame and in crops."""

from dataclasses import replace

import numpy as np
import pytest

from helpers.engine_runs import APART, centres, follow, overlapping_boxes
from helpers.plugin.nanotrack_graphs import published_engine, small_engine
from mvot_plugin.engines.base import refresh
from mvot_plugin.engines.extraction import Extraction
from mvot_plugin.engines.nanotrack.selection import Selection
from mvot_plugin.ops.boxes import iou, size

WAYS = ("parts", "crops")
every_way = pytest.mark.parametrize("way", WAYS)
either = pytest.mark.parametrize("build", [small_engine, published_engine])


def engine_of(build, way):
    return replace(build(), extraction=Extraction(way=way))


@every_way
@either
def test_targets_together_are_as_targets_alone(build, way, people):
    """Parts of the frame that more targets share are larger, and nothing else changes."""
    frames, boxes = people
    engine = engine_of(build, way)
    engine = replace(engine, selection=Selection(distractor=0.0))
    boxes = np.concatenate([boxes, overlapping_boxes(3)])
    _, together = follow(engine, frames[:2], boxes)
    for row in range(len(boxes)):
        _, alone = follow(engine, frames[:2], boxes[row : row + 1])
        assert np.allclose(together[0].boxes[row], alone[0].boxes[0], atol=0.05)
        assert np.allclose(together[0].scores[row], alone[0].scores[0], atol=1e-3)


def test_a_target_is_not_looked_for_where_another_is(people):
    """The further the masks may lower scores, the fewer boxes lie on a neighbour's place."""
    frames, _ = people
    boxes = np.array([[100, 100, 140, 180], [110, 100, 150, 180]], np.float32)
    found = {}
    for share in (0.0, 1.0):
        selection = Selection(window=0.9, distractor=share)
        engine = replace(engine_of(small_engine, "crops"), selection=selection)
        _, (motion, *_) = follow(engine, frames[:2], boxes)
        _, (alone, *_) = follow(engine, frames[:2], boxes[:1])
        found[share] = centres(motion.boxes[:1]) - centres(alone.boxes)
    assert np.allclose(found[0.0], 0, atol=0.05)
    assert found[1.0][0, 0] < -3


@every_way
def test_a_run_is_the_same_each_time(way, people, is_identical):
    frames, boxes = people
    engine = engine_of(small_engine, way)
    assert is_identical(follow(engine, frames, boxes), follow(engine, frames, boxes))


@every_way
def test_batches_change_nothing(way, people):
    frames, _ = people
    boxes, engine = overlapping_boxes(20), engine_of(small_engine, way)
    _, found = follow(engine, frames, boxes)
    small = replace(engine, batch=3, extraction=replace(engine.extraction, batch=3))
    _, batched = follow(small, frames, boxes)
    assert np.allclose(batched[-1].boxes, found[-1].boxes, atol=0.01)


@pytest.mark.parametrize("way", [*WAYS, "auto"])
def test_people_are_followed(way, scene, frames):
    first = scene.ground_truth(30)
    _, motions = follow(engine_of(published_engine, way), frames[30:40], first.xyxy)
    last = scene.ground_truth(39)
    rows = [list(last.id).index(identity) for identity in first.id]
    assert (np.diag(iou(motions[-1].boxes, last.xyxy[rows])) > 0.6).all()
    assert (motions[-1].scores > 0.5).all()


def test_people_are_found_again_on_the_same_frame(people):
    frames, boxes = people
    engine = published_engine()
    _, motion = engine.track(frames[0], engine.enroll(frames[0], boxes))
    assert (np.diag(iou(motion.boxes, boxes)) > 0.7).all()
    assert (motion.scores > 0.5).all()


def test_people_whose_boxes_were_measured_are_followed_from_there(people):
    """Where their look was taken anew, their boxes stay as they were measured."""
    frames, boxes = people
    engine = published_engine()
    targets, motions = follow(engine, frames[:2], boxes)
    measured = motions[-1].boxes + np.array([6, -4, 6, -4], np.float32)
    anew = np.array([True, False, True])
    corrected = refresh(engine, frames[1], targets, measured, anew)
    assert np.array_equal(corrected.boxes, measured)
    _, before = engine.track(frames[2], targets)
    _, after = engine.track(frames[2], corrected)
    shift = (centres(after.boxes) - centres(before.boxes))[anew]
    assert (shift[:, 0] > 1).all()
    assert (shift[:, 1] < -1).all()


@every_way
@pytest.mark.parametrize(
    "box",
    [
        [-60, -60, 20, 20],
        [300, 220, 400, 400],
        [-500, -400, 900, 700],
        [1000, 1000, 1050, 1080],
        [10, 10, 10.25, 10.5],
        [100, 100, 101, 230],
        [-2000, 100, 2000, 104],
    ],
    ids=["corner", "far corner", "huge", "outside", "tiny", "line", "wide"],
)
def test_unusual_boxes_are_tracked_in_both_ways(box, way, people):
    frames, others = people
    boxes = np.concatenate([np.array([box], np.float32), others])
    _, motions = follow(engine_of(small_engine, way), frames, boxes)
    for motion in motions:
        assert np.isfinite(motion.boxes).all()
        assert (size(motion.boxes) > 0).all()
        assert ((motion.scores >= 0) & (motion.scores <= 1)).all()


@every_way
def test_a_target_that_leaves_the_frame_stops_at_its_edge(way, render_view):
    """Its box touches the frame however long it is away."""
    images = [render_view(dx=40.0 * i) for i in range(12)]
    engine = engine_of(published_engine, way)
    targets = engine.enroll(engine.observe(images[0]), APART)
    for image in images[1:]:
        targets, motion = engine.track(engine.observe(image), targets)
        assert (motion.boxes[:, 0] <= 320).all()
        assert (motion.boxes[:, 2] >= 0).all()
        assert (size(motion.boxes) > 0).all()


def test_scores_are_calibrated(people):
    frames, boxes = people
    engine = small_engine()
    _, raw = follow(engine, frames[:2], boxes)
    _, halved = follow(replace(engine, calibration=(0.5, -1.0)), frames[:2], boxes)
    expected = 1 / (1 + np.exp(1.0 - 0.5 * np.log(raw[0].scores / (1 - raw[0].scores))))
    assert np.allclose(halved[0].scores, expected, atol=1e-5)

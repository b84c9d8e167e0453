"""The engines of SiamMOT, IMSiam and SiamAttn as they ship, on people crossing a street."""

from dataclasses import replace

import numpy as np
import pytest

from helpers.engine_runs import BY_GRAPHS, FOLLOWS_PEOPLE, centres, follow, shipped_engine
from mvot_plugin.engines import load_engine
from mvot_plugin.engines.base import refresh
from mvot_plugin.ops.boxes import iou
from mvot_plugin.runtimes.graph_network import GraphNetwork

FIRST, LAST = 30, 40
FOLLOWED = {"siammot-imm": 0.3}
"""The least IoU of a person's box after nine frames; 0.45 of others."""
every_engine = pytest.mark.parametrize("name", FOLLOWS_PEOPLE)


@pytest.fixture
def people(scene, frames):
    """Frames of people crossing a street, and the boxes of those in the first."""
    return frames[FIRST:LAST], scene.ground_truth(FIRST).xyxy


@every_engine
def test_people_are_followed(name, scene, people):
    images, boxes = people
    _, motions = follow(shipped_engine(f"{name}{BY_GRAPHS}"), images, boxes)
    first, last = scene.ground_truth(FIRST), scene.ground_truth(LAST - 1)
    rows = [list(last.id).index(identity) for identity in first.id]
    overlap = iou(motions[-1].boxes, last.xyxy)
    assert (overlap[np.arange(len(rows)), rows] > FOLLOWED.get(name, 0.45)).all()
    assert overlap.argmax(1).tolist() == rows


@every_engine
def test_people_are_found_again_on_the_same_frame(name, people):
    images, boxes = people
    engine = shipped_engine(f"{name}{BY_GRAPHS}")
    observation = engine.observe(images[0])
    _, motion = engine.track(observation, engine.enroll(observation, boxes))
    assert (np.diag(iou(motion.boxes, boxes)) > 0.6).all()
    assert (motion.scores > 0.4).all()


@every_engine
def test_people_whose_look_was_taken_anew_are_followed_from_there(name, people):
    images, boxes = people
    engine = shipped_engine(f"{name}{BY_GRAPHS}")
    targets, motions = follow(engine, images[:2], boxes)
    measured = motions[-1].boxes + np.array([6, -4, 6, -4], np.float32)
    anew = np.ones(len(boxes), bool)
    corrected = refresh(engine, engine.observe(images[1]), targets, measured, anew)
    assert np.array_equal(corrected.boxes, measured)
    later = engine.observe(images[2])
    _, before = engine.track(later, targets)
    _, after = engine.track(later, corrected)
    shift = centres(after.boxes) - centres(before.boxes)
    assert shift[:, 0].mean() > 1


@every_engine
def test_graphs_find_the_boxes_that_torch_finds(name, people):
    images, boxes = people
    in_torch, by_graphs = shipped_engine(name), shipped_engine(f"{name}{BY_GRAPHS}")
    assert isinstance(load_engine(name, device="cpu").network, GraphNetwork)
    targets = in_torch.enroll(in_torch.observe(images[0]), boxes)
    enrolled = by_graphs.enroll(by_graphs.observe(images[0]), boxes)
    for image in images[1:6]:
        same = replace(targets, exemplars=enrolled.exemplars)
        found, ours = by_graphs.track(by_graphs.observe(image), same)
        targets, motion = in_torch.track(in_torch.observe(image), targets)
        assert np.allclose(ours.boxes, motion.boxes, atol=0.1)
        assert np.allclose(ours.scores, motion.scores, atol=0.01)
        if targets.masks is not None:
            assert np.allclose(found.masks, targets.masks, atol=0.02)


@every_engine
def test_a_target_that_is_not_found_keeps_its_box(name, people):
    images, boxes = people
    engine = shipped_engine(f"{name}{BY_GRAPHS}")
    observation, later = engine.observe(images[0]), engine.observe(images[5])
    targets = engine.enroll(observation, boxes)
    found, motion = engine.track(later, targets)
    blind = replace(engine, confidence=1.01)
    kept, same = blind.track(later, targets)
    assert np.allclose(kept.boxes, targets.boxes, atol=1e-3)
    assert not np.allclose(found.boxes, targets.boxes, atol=0.1)
    assert np.array_equal(same.scores, motion.scores)
    if targets.masks is not None:
        assert np.array_equal(kept.masks, targets.masks)
        assert not np.array_equal(found.masks, targets.masks)


def test_masks_cover_people_more_than_the_street_around_them(people):
    """A person fills the middle of a box more than its corners."""
    images, boxes = people
    targets, _ = follow(shipped_engine(f"siamattn{BY_GRAPHS}"), images[:4], boxes)
    middle = targets.masks[:, 16:48, 24:40].mean((1, 2))
    corners = targets.masks[:, [0, 0, -1, -1], [0, -1, 0, -1]].mean(1)
    assert (middle > 0.5).mean() > 0.7
    assert (middle > corners).all()

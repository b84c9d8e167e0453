"""Lost targets are remembered, and taken back by place and appearance."""

import numpy as np
import pytest

from helpers.plugin.lifecycles import A, B, C, create_lifecycle, detect
from mvot_plugin.association.memory import Memory, MemoryConfig
from mvot_plugin.types import Detections

STRICT = {"speed": 0.0, "gate": -0.5}
"""A target is recalled within one deviation (half a size) of its predicted place, at any time."""


def shifted(box, dx, dy=0.0, scale=1.0):
    """A box, moved and enlarged about its centre."""
    x, y, w, h = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2, box[2] - box[0], box[3] - box[1]
    half_width, half_height, x, y = scale * w / 2, scale * h / 2, x + dx, y + dy
    return x - half_width, y - half_height, x + half_width, y + half_height


def remember(*boxes, velocity=0.0, class_id=0, **settings):
    """A memory of targets that ended on their last detection, at time 0."""
    cycle, steps = create_lifecycle(), 20
    for i in range(-steps, 1):
        detect(
            cycle, 0.2 * i, *(shifted(box, 0.2 * i * velocity) for box in boxes), class_id=class_id
        )
    memory = Memory(MemoryConfig(**settings), cycle.trajectories[[]])
    memory.add(cycle.trajectories, 0.0)
    return memory


def recall(memory, time, *boxes, evidence=0.0, class_id=0):
    """The id that each of these detections is recalled as; 0 for none."""
    found = Detections.of(boxes, class_id=class_id)
    ratio = np.broadcast_to(np.float64(evidence), (len(memory.lost), len(found)))
    recalled, rows = memory.recall(found, np.array(ratio), time)
    ids = np.zeros(len(found), np.int64)
    ids[rows] = recalled.id
    return ids.tolist()


def test_a_target_is_recalled_in_its_place_shortly_afterwards():
    memory = remember(A, B)
    assert recall(memory, 0.3, shifted(B, 5), C) == [2, 0]
    assert memory.lost.id.tolist() == [1]
    assert recall(memory, 0.3, shifted(B, 5)) == [0]


def test_place_alone_is_not_enough_after_seconds():
    assert recall(remember(A), 4.0, A) == [0]
    assert recall(remember(A), 4.0, A, evidence=3.0) == [1]


def test_appearance_does_not_make_up_for_any_distance_or_size():
    for time, dx, scale, known in [
        (1.0, 100, 1.0, True),
        (1.0, 400, 1.0, False),
        (1.0, 0, 3.0, False),
    ]:
        ids = recall(remember(A), time, shifted(A, dx, scale=scale), evidence=3.0)
        assert ids == [1 if known else 0]


def test_the_best_pairs_are_taken_back_each_once():
    memory = remember(A, shifted(A, 30), C)
    looks = [[-3, 3], [3, -3], [-3, -3]]
    assert recall(memory, 0.5, A, shifted(A, 30), evidence=looks) == [2, 1]
    assert memory.lost.id.tolist() == [3]


def test_rows_of_what_is_taken_back_are_those_of_the_detections():
    memory = remember(A, B, C)
    found = Detections.of([shifted(C, 2), (0, 0, 5, 5), shifted(A, 2)])
    recalled, rows = memory.recall(found, np.zeros((3, 3)), 0.2)
    assert dict(zip(recalled.id.tolist(), rows.tolist(), strict=True)) == {1: 2, 3: 0}
    assert recalled.boxes.tolist() == [list(A), list(C)]


def test_another_class_is_another_object():
    memory = remember(A, class_id=2)
    assert recall(memory, 0.2, A, evidence=3.0, class_id=0) == [0]
    assert recall(memory, 0.2, A, class_id=2) == [1]


def test_targets_are_forgotten_some_seconds_after_their_last_detection():
    memory = remember(A, seconds=5.0)
    late = create_lifecycle()
    detect(late, 4.0, B)
    memory.add(late.trajectories, 4.5)
    memory.forget(5.0)
    assert len(memory.lost) == 2
    memory.forget(5.1)
    assert memory.lost.boxes.tolist() == [list(B)]
    memory.forget(9.1)
    assert len(memory.lost) == 0
    assert recall(memory, 9.1, A, evidence=3.0) == [0]


def test_a_memory_of_no_seconds_remembers_nothing():
    memory = remember(A, seconds=0.0)
    assert len(memory.lost) == 0
    memory.forget(0.0)
    assert recall(memory, 0.1, A) == [0]


@pytest.mark.parametrize(("time", "way"), [(1.0, 100), (1.5, 150), (4.0, 150)])
def test_a_lost_target_keeps_its_velocity_for_a_while(time, way):
    for off, known in ((-25, True), (25, True), (-45, False), (45, False)):
        memory = remember(A, velocity=100.0, **STRICT)
        assert recall(memory, time, shifted(A, way + off)) == [1 if known else 0]


def test_the_memory_moves_with_the_camera():
    pan = np.array([[1.0, 0, 200], [0, 1, -40]])
    zoom = np.array([[2.0, 0, 0], [0, 2, 0]])
    for motion, place in ((pan, shifted(A, 200, -40)), (zoom, tuple(np.multiply(A, 2)))):
        memory = remember(A, **STRICT)
        memory.warp(motion)
        assert recall(memory, 1.0, A) == [0]
        assert recall(memory, 1.0, place) == [1]
    empty = remember(A, seconds=0.0)
    empty.warp(pan)
    assert len(empty.lost) == 0

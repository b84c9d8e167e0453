"""Synthetic scenes: determinism, ground truth and visibility."""

import numpy as np
import pytest

from mvot_plugin.errors import UsageError
from mvot_plugin.ops import boxes as box_ops
from mvot_synthetic import NoisyDetector, Scene, street


def small_street(seed: int = 0, **options) -> Scene:
    return street(seed, size=(200, 150), **options)


def bounding_box(mask: np.ndarray) -> np.ndarray:
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1])


def is_inside(xyxy: np.ndarray, size: tuple[int, int], margin: float = 2) -> np.ndarray:
    return (xyxy[:, :2] > margin).all(1) & (xyxy[:, 2:] < np.array(size) - margin).all(1)


def test_one_seed_gives_the_same_bytes_and_boxes_and_another_seed_others():
    first, again, other = (
        small_street(4, frames=12),
        small_street(4, frames=12),
        small_street(5, frames=12),
    )
    for index in range(12):
        image = first.frame(index).image
        assert image.tobytes() == again.frame(index).image.tobytes()
        assert image.tobytes() != other.frame(index).image.tobytes()
        assert np.array_equal(first.ground_truth(index).xyxy, again.ground_truth(index).xyxy)
        assert np.array_equal(
            first.ground_truth(index).visibility, again.ground_truth(index).visibility
        )


def test_frames_do_not_depend_on_the_order_of_access():
    in_turn, jumping = small_street(frames=10), small_street(frames=10)
    images = [frame.image for frame in in_turn]
    for index in (7, 2, 9, 2):
        ground_truth = jumping.ground_truth(index)
        assert np.array_equal(jumping.frame(index).image, images[index])
        assert np.array_equal(ground_truth.xyxy, in_turn.ground_truth(index).xyxy)
        assert np.array_equal(ground_truth.id, in_turn.ground_truth(index).id)


def test_a_scene_is_a_source_of_frames():
    scene = small_street(frames=5, frame_rate=10.0)
    assert (scene.name, scene.frame_rate, scene.size) == ("street", 10.0, (200, 150))
    assert len(scene) == scene.length == 5
    with scene as source:
        frames = list(source)
        assert len(list(source)) == 5
    assert [frame.index for frame in frames] == [0, 1, 2, 3, 4]
    assert [frame.timestamp for frame in frames] == pytest.approx([0, 0.1, 0.2, 0.3, 0.4])
    assert frames[0].size == (200, 150)
    assert frames[0].image.dtype == np.uint8


@pytest.mark.parametrize("index", [-1, 5])
def test_a_frame_beyond_the_scene_is_an_index_error(index):
    scene = small_street(frames=5)
    with pytest.raises(IndexError, match="5 frames"):
        scene.frame(index)
    with pytest.raises(IndexError, match="5 frames"):
        scene.ground_truth(index)


@pytest.mark.parametrize(
    "bad",
    [
        {"frames": 0},
        {"walkers": -1},
        {"size": (8, 8)},
        {"pan": -0.1},
        {"pan": 1.5},
        {"seed": -1},
        {"frame_rate": 0.0},
    ],
)
def test_an_impossible_street_is_a_usage_error(bad):
    with pytest.raises(UsageError):
        street(**bad)


def test_a_street_may_be_a_single_frame_or_empty():
    assert len(street(frames=1, size=(64, 48)).ground_truth(0)) > 0
    empty = street(frames=2, size=(64, 48), walkers=0, vehicles=0, cyclists=0)
    assert len(empty.ground_truth(1)) == 0
    assert not empty.id_map(1).any()
    assert len(NoisyDetector(empty, false_positives=0)(empty.frame(0))) == 0


def test_the_number_of_objects_is_as_set_and_ids_start_at_1():
    scene = small_street(walkers=5, vehicles=2, cyclists=1, frames=100)
    ground_truths = [scene.ground_truth(index) for index in range(100)]
    objects = {
        (int(i), int(c)) for t in ground_truths for i, c in zip(t.id, t.class_id, strict=True)
    }
    assert [c for _, c in sorted(objects)] == [0, 0, 0, 0, 0, 2, 2, 0, 1]
    assert sorted(i for i, _ in objects) == list(range(1, 10))


def test_ids_are_unique_on_a_frame_and_follow_one_smoothly_moving_object(scene, frames):
    last: dict[int, np.ndarray] = {}
    for index in range(len(frames)):
        ground_truth = scene.ground_truth(index)
        assert len(set(ground_truth.id.tolist())) == len(ground_truth)
        centres = box_ops.xyxy_to_cxcywh(ground_truth.xyxy)[:, :2]
        now = dict(zip(ground_truth.id.tolist(), centres, strict=True))
        for identity in now.keys() & last.keys():
            assert np.hypot(*(now[identity] - last[identity])) < 20
        last = now


def test_boxes_enclose_the_drawn_pixels_tightly(scene):
    checked = 0
    for index in (10, 60, 110):
        ground_truth = scene.ground_truth(index)
        for identity, box in zip(ground_truth.id, ground_truth.xyxy, strict=True):
            if is_inside(box[None], scene.size)[0]:
                rendered = bounding_box(scene.select([int(identity)]).id_map(index) > 0)
                assert np.abs(rendered - box).max() <= 1.0
                checked += 1
    assert checked > 15


def test_an_objects_pixels_differ_from_the_street_without_it(scene):
    ground_truth = scene.ground_truth(60)
    empty = scene.select([]).frame(60).image.astype(int)
    for identity in ground_truth.id[is_inside(ground_truth.xyxy, scene.size)]:
        alone = scene.select([int(identity)])
        changed = np.abs(alone.frame(60).image.astype(int) - empty).max(2) > 12
        own = alone.id_map(60) > 0
        assert changed[own].mean() > 0.85
        assert changed[: int(ground_truth.xyxy[ground_truth.id == identity][0, 1]) - 3].sum() == 0


def test_visibility_is_the_share_of_own_pixels_that_the_image_shows(scene):
    hidden = 0
    for index in (25, 75, 105):
        ground_truth, ids = scene.ground_truth(index), scene.id_map(index)
        for row in np.flatnonzero(is_inside(ground_truth.xyxy, scene.size)):
            identity = int(ground_truth.id[row])
            own = scene.select([identity]).id_map(index) == identity
            shown = (ids == identity).sum() / own.sum()
            assert ground_truth.visibility[row] == pytest.approx(shown, abs=1e-6)
            assert not (ids == identity)[~own].any()
            hidden += shown < 0.5
    assert hidden >= 3


def test_what_lies_beyond_the_image_is_not_visible_but_inside_the_box(scene):
    width, _ = scene.size
    cut = 0
    for index in range(len(scene)):
        ground_truth = scene.ground_truth(index)
        share = box_ops.inside_fraction(ground_truth.xyxy, scene.size)
        assert (share > 0).all()
        cut += int(((share < 0.6) & (ground_truth.visibility > 0.05)).sum())
        assert (ground_truth.visibility[share < 0.6] < 0.8).all()
    assert cut > 10
    assert any((scene.ground_truth(i).xyxy[:, 2] > width).any() for i in range(len(scene)))


def test_the_default_scene_has_all_difficulties_of_tracking(scene, frames):
    heights: dict[int, list[float]] = {}
    present: list[set[int]] = []
    visible: dict[int, list[float]] = {}
    for index in range(len(frames)):
        ground_truth = scene.ground_truth(index)
        present.append(set(ground_truth.id.tolist()))
        for identity, box, share in zip(
            ground_truth.id, ground_truth.xyxy, ground_truth.visibility, strict=True
        ):
            heights.setdefault(int(identity), []).append(float(box[3] - box[1]))
            visible.setdefault(int(identity), []).append(float(share))
    assert any(len(h) > 50 and max(h) > 1.6 * min(h) for h in heights.values())
    assert any(min(v) == 0 and max(v) > 0.95 for v in visible.values())
    assert any(0.2 < share < 0.8 for v in visible.values() for share in v)
    assert set.union(*present) - present[0]
    assert set.union(*present) - present[-1]
    assert 7 < np.mean([len(ids) for ids in present]) < 14


def test_the_camera_moves():
    scene = small_street(walkers=0, vehicles=0, cyclists=0, frames=100)
    first, last = scene.frame(0).image.astype(int), scene.frame(99).image.astype(int)
    assert np.abs(first - last).mean() > 15

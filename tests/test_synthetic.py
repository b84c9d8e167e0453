import numpy as np
import pytest

from mvot_plugin.errors import UsageError
from mvot_plugin.ops import boxes as box_ops
from mvot_plugin.synthetic import NoisyDetector, Scene, street
from mvot_plugin.types import Detections, Frame


@pytest.fixture(scope="module")
def scene() -> Scene:
    return street()


@pytest.fixture(scope="module")
def frames(scene: Scene) -> list[Frame]:
    return list(scene)


def small(seed: int = 0, **options) -> Scene:
    return street(seed, size=(200, 150), **options)


def extent(mask: np.ndarray) -> np.ndarray:
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1])


def inside(xyxy: np.ndarray, size: tuple[int, int], margin: float = 2) -> np.ndarray:
    return (xyxy[:, :2] > margin).all(1) & (xyxy[:, 2:] < np.array(size) - margin).all(1)


def test_one_seed_gives_the_same_bytes_and_boxes_and_another_seed_others():
    first, again, other = small(4, frames=12), small(4, frames=12), small(5, frames=12)
    for index in range(12):
        image = first.frame(index).image
        assert image.tobytes() == again.frame(index).image.tobytes()
        assert image.tobytes() != other.frame(index).image.tobytes()
        assert np.array_equal(first.truth(index).xyxy, again.truth(index).xyxy)
        assert np.array_equal(first.truth(index).visibility, again.truth(index).visibility)


def test_frames_come_in_any_order_as_they_come_in_turn():
    in_turn, jumping = small(frames=10), small(frames=10)
    images = [frame.image for frame in in_turn]
    for index in (7, 2, 9, 2):
        truth = jumping.truth(index)
        assert np.array_equal(jumping.frame(index).image, images[index])
        assert np.array_equal(truth.xyxy, in_turn.truth(index).xyxy)
        assert np.array_equal(truth.id, in_turn.truth(index).id)


def test_a_scene_is_a_source_of_frames():
    scene = small(frames=5, frame_rate=10.0)
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
    scene = small(frames=5)
    with pytest.raises(IndexError, match="5 frames"):
        scene.frame(index)
    with pytest.raises(IndexError, match="5 frames"):
        scene.truth(index)


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
    assert len(street(frames=1, size=(64, 48)).truth(0)) > 0
    empty = street(frames=2, size=(64, 48), walkers=0, vehicles=0, cyclists=0)
    assert len(empty.truth(1)) == 0
    assert not empty.id_map(1).any()
    assert len(NoisyDetector(empty, false_positives=0)(empty.frame(0))) == 0


def test_there_are_as_many_objects_as_asked_for_with_ids_from_1():
    scene = small(walkers=5, vehicles=2, cyclists=1, frames=100)
    truths = [scene.truth(index) for index in range(100)]
    seen = {(int(i), int(c)) for t in truths for i, c in zip(t.id, t.class_id, strict=True)}
    assert [c for _, c in sorted(seen)] == [0, 0, 0, 0, 0, 2, 2, 0, 1]
    assert sorted(i for i, _ in seen) == list(range(1, 10))


def test_ids_are_unique_on_a_frame_and_follow_one_smoothly_moving_object(scene, frames):
    last: dict[int, np.ndarray] = {}
    for index in range(len(frames)):
        truth = scene.truth(index)
        assert len(set(truth.id.tolist())) == len(truth)
        centres = box_ops.xyxy_to_cxcywh(truth.xyxy)[:, :2]
        now = dict(zip(truth.id.tolist(), centres, strict=True))
        for identity in now.keys() & last.keys():
            assert np.hypot(*(now[identity] - last[identity])) < 20
        last = now


def test_boxes_enclose_the_drawn_pixels_tightly(scene):
    checked = 0
    for index in (10, 60, 110):
        truth = scene.truth(index)
        for identity, box in zip(truth.id, truth.xyxy, strict=True):
            if inside(box[None], scene.size)[0]:
                drawn = extent(scene.only([int(identity)]).id_map(index) > 0)
                assert np.abs(drawn - box).max() <= 1.0
                checked += 1
    assert checked > 15


def test_an_objects_pixels_differ_from_the_street_without_it(scene):
    truth = scene.truth(60)
    empty = scene.only([]).frame(60).image.astype(int)
    for identity in truth.id[inside(truth.xyxy, scene.size)]:
        alone = scene.only([int(identity)])
        changed = np.abs(alone.frame(60).image.astype(int) - empty).max(2) > 12
        own = alone.id_map(60) > 0
        assert changed[own].mean() > 0.85
        assert changed[: int(truth.xyxy[truth.id == identity][0, 1]) - 3].sum() == 0


def test_visibility_is_the_share_of_own_pixels_that_the_image_shows(scene):
    hidden = 0
    for index in (25, 75, 105):
        truth, ids = scene.truth(index), scene.id_map(index)
        for row in np.flatnonzero(inside(truth.xyxy, scene.size)):
            identity = int(truth.id[row])
            own = scene.only([identity]).id_map(index) == identity
            shown = (ids == identity).sum() / own.sum()
            assert truth.visibility[row] == pytest.approx(shown, abs=1e-6)
            assert not (ids == identity)[~own].any()
            hidden += shown < 0.5
    assert hidden >= 3


def test_what_lies_beyond_the_image_is_not_visible_but_inside_the_box(scene):
    width, _ = scene.size
    cut = 0
    for index in range(len(scene)):
        truth = scene.truth(index)
        share = box_ops.inside_fraction(truth.xyxy, scene.size)
        assert (share > 0).all()
        cut += int(((share < 0.6) & (truth.visibility > 0.05)).sum())
        assert (truth.visibility[share < 0.6] < 0.8).all()
    assert cut > 10
    assert any((scene.truth(i).xyxy[:, 2] > width).any() for i in range(len(scene)))


def test_the_default_scene_has_all_that_makes_tracking_hard(scene, frames):
    heights: dict[int, list[float]] = {}
    present: list[set[int]] = []
    visible: dict[int, list[float]] = {}
    for index in range(len(frames)):
        truth = scene.truth(index)
        present.append(set(truth.id.tolist()))
        for identity, box, share in zip(truth.id, truth.xyxy, truth.visibility, strict=True):
            heights.setdefault(int(identity), []).append(float(box[3] - box[1]))
            visible.setdefault(int(identity), []).append(float(share))
    assert any(len(h) > 50 and max(h) > 1.6 * min(h) for h in heights.values())
    assert any(min(v) == 0 and max(v) > 0.95 for v in visible.values())
    assert any(0.2 < share < 0.8 for v in visible.values() for share in v)
    assert set.union(*present) - present[0]
    assert set.union(*present) - present[-1]
    assert 7 < np.mean([len(ids) for ids in present]) < 14


def test_the_camera_moves():
    scene = small(walkers=0, vehicles=0, cyclists=0, frames=100)
    first, last = scene.frame(0).image.astype(int), scene.frame(99).image.astype(int)
    assert np.abs(first - last).mean() > 15


def test_an_exact_detector_tells_the_truth_of_what_is_visible(scene, frames):
    detector = NoisyDetector(scene, recall=1, jitter=0, false_positives=0)
    for index in (0, 50, 100):
        truth = scene.truth(index)
        clear = truth[truth.visibility >= 0.3]
        found = detector(frames[index])
        assert isinstance(found, Detections)
        assert np.array_equal(found.xyxy, clear.xyxy)
        assert np.array_equal(found.class_id, clear.class_id)


def test_what_a_detector_says_of_a_frame_depends_on_that_frame_alone(scene, frames):
    every, fifth, other = (NoisyDetector(scene, seed=seed) for seed in (1, 1, 2))
    found = [every(frame) for frame in frames]
    for index in reversed(range(0, len(frames), 5)):
        alone = fifth(frames[index])
        assert np.array_equal(alone.xyxy, found[index].xyxy)
        assert np.array_equal(alone.confidence, found[index].confidence)
        assert np.array_equal(alone.class_id, found[index].class_id)
    assert any(
        not np.array_equal(other(f).xyxy, found[f.index].xyxy)
        for f in frames
        if len(found[f.index])
    )


@pytest.mark.parametrize("recall", [0.6, 0.92])
def test_recall_is_as_set_and_worse_for_the_half_hidden(scene, frames, recall):
    hits: list[tuple[float, bool]] = []
    for seed in range(3):
        detector = NoisyDetector(scene, seed=seed, recall=recall, jitter=0, false_positives=0)
        for frame in frames:
            truth, found = scene.truth(frame.index), detector(frame)
            boxes = {tuple(box) for box in found.xyxy.tolist()}
            pairs = zip(truth.visibility.tolist(), truth.xyxy.tolist(), strict=True)
            hits += [(visibility, tuple(box) in boxes) for visibility, box in pairs]
    clear = [hit for visibility, hit in hits if visibility > 0.97]
    partial = [hit for visibility, hit in hits if 0.3 <= visibility < 0.6]
    assert np.mean(clear) == pytest.approx(recall, abs=0.02)
    assert np.mean(partial) < recall - 0.05
    assert not any(hit for visibility, hit in hits if visibility < 0.3)


def test_jitter_is_a_share_of_the_box(scene, frames):
    exact = NoisyDetector(scene, recall=1, jitter=0, false_positives=0)
    noisy = NoisyDetector(scene, recall=1, jitter=0.05, false_positives=0)
    errors = []
    for frame in frames:
        true, found = (box_ops.xyxy_to_cxcywh(d(frame).xyxy) for d in (exact, noisy))
        errors.append((found - true) / np.tile(true[:, 2:], 2))
    assert np.concatenate(errors).std(0) == pytest.approx(0.05, rel=0.1)


def test_false_positives_come_as_often_as_asked_for_and_are_less_sure(scene, frames):
    without = NoisyDetector(scene, false_positives=0)
    detector = NoisyDetector(scene, false_positives=0.5)
    extra, sure, unsure = 0, [], []
    for frame in frames:
        real, found = without(frame), detector(frame)
        extra += len(found) - len(real)
        sure += real.confidence.tolist()
        unsure += found.confidence[len(real) :].tolist()
        assert (found.xyxy[:, 2:] > found.xyxy[:, :2]).all()
        assert ((found.confidence > 0) & (found.confidence < 1)).all()
    assert extra == pytest.approx(0.5 * len(frames), rel=0.35)
    assert np.mean(unsure) < np.mean(sure) - 0.2


def test_a_class_is_rarely_mistaken(scene, frames):
    exact = NoisyDetector(scene, recall=1, jitter=0, false_positives=0, min_visibility=0)
    noisy = NoisyDetector(scene, recall=0.5, jitter=0, false_positives=0, min_visibility=0)
    wrong = []
    for frame in frames:
        true, found = exact(frame), noisy(frame)
        classes = {tuple(b): c for b, c in zip(true.xyxy.tolist(), true.class_id, strict=True)}
        pairs = zip(found.xyxy.tolist(), found.class_id, strict=True)
        wrong += [classes[tuple(box)] != c for box, c in pairs]
    assert 0.02 < np.mean(wrong) < 0.08


@pytest.mark.parametrize(
    "bad", [{"recall": 1.1}, {"jitter": -1}, {"false_positives": -1}, {"min_visibility": 2}]
)
def test_an_impossible_detector_is_a_usage_error(bad):
    with pytest.raises(UsageError):
        NoisyDetector(small(frames=1), **bad)

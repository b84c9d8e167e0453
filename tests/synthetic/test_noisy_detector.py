"""The simulated detector and its errors."""

import numpy as np
import pytest

from mvot_plugin.errors import UsageError
from mvot_plugin.ops import boxes as box_ops
from mvot_plugin.types import Detections
from mvot_synthetic import NoisyDetector, street


def test_an_exact_detector_returns_the_ground_truth_of_visible_objects(scene, frames):
    detector = NoisyDetector(scene, recall=1, jitter=0, false_positives=0)
    for index in (0, 50, 100):
        ground_truth = scene.ground_truth(index)
        clear = ground_truth[ground_truth.visibility >= 0.3]
        found = detector(frames[index])
        assert isinstance(found, Detections)
        assert np.array_equal(found.xyxy, clear.xyxy)
        assert np.array_equal(found.class_id, clear.class_id)


def test_detections_depend_on_their_frame_alone(scene, frames):
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
def test_recall_is_as_set_and_lower_for_occluded_objects(scene, frames, recall):
    hits: list[tuple[float, bool]] = []
    for seed in range(3):
        detector = NoisyDetector(scene, seed=seed, recall=recall, jitter=0, false_positives=0)
        for frame in frames:
            ground_truth, found = scene.ground_truth(frame.index), detector(frame)
            boxes = {tuple(box) for box in found.xyxy.tolist()}
            pairs = zip(ground_truth.visibility.tolist(), ground_truth.xyxy.tolist(), strict=True)
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


def test_false_positives_have_the_set_rate_and_lower_confidence(scene, frames):
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
        NoisyDetector(street(frames=1, size=(200, 150)), **bad)

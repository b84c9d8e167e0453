from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest
import torch

from helpers.engine_runs import (
    APART,
    follow,
    is_close,
    narrow_engine,
    overlapping_boxes,
    trained_engine,
    with_way,
    without_interaction,
)
from mvot_plugin.engines.base import Targets
from mvot_plugin.engines.extraction import Extraction
from mvot_plugin.ops.boxes import iou

NONE = np.empty((0, 4), np.float32)
SWITCHES = ["pyramid", "rpn", "attention", "penalties", "inertia"]


@pytest.fixture(scope="module")
def engine():
    return narrow_engine()


def with_distractor_weight(engine, distractor):
    return replace(engine, penalisation=replace(engine.penalisation, distractor=distractor))


@pytest.mark.parametrize("distractor", [0.0, 0.01, 0.9])
def test_the_order_of_targets_does_not_matter(engine, distractor, moving_frames):
    engine = with_distractor_weight(engine, distractor)
    order = np.random.default_rng(3).permutation(20)
    _, straight = follow(engine, moving_frames[:4], overlapping_boxes())
    _, shuffled = follow(engine, moving_frames[:4], overlapping_boxes()[order])
    for motion, other in zip(straight, shuffled, strict=True):
        assert np.allclose(other.boxes, motion.boxes[order], atol=1e-3)
        assert np.allclose(other.scores, motion.scores[order], atol=1e-4)


def test_other_targets_are_distractors(engine, moving_frames):
    unweighted, weighted = with_distractor_weight(engine, 0.0), with_distractor_weight(engine, 0.9)
    (first,), (second,) = (
        follow(one, moving_frames[:2], overlapping_boxes())[1] for one in (unweighted, weighted)
    )
    assert not is_close(first, second)


@pytest.mark.parametrize("name", ["siammotion", "siammotion-n"])
@pytest.mark.parametrize("distractor", [0.0, 0.9])
@pytest.mark.parametrize("batch", [1, 7, 64])
def test_the_size_of_batches_changes_no_result(name, batch, distractor, moving_frames):
    engine = replace(with_distractor_weight(narrow_engine(name=name), distractor), batch=20)
    _, full = follow(engine, moving_frames[:4], overlapping_boxes())
    _, batched = follow(replace(engine, batch=batch), moving_frames[:4], overlapping_boxes())
    assert all(map(is_close, full, batched))


@pytest.mark.parametrize("name", ["siammotion", "siammotion-n"])
def test_tracking_is_equivariant_to_shifts_by_whole_cells(name, texture):
    """Shifts are one coarsest stride, far from edges; distractor masks are off.

    All areas lie between 256 and 512 pixels, where float32 has the same precision.
    """
    engine, boxes = without_interaction(narrow_engine(name=name)), overlapping_boxes(6) * 0.4 + 330
    static, displaced = np.full((2, 640, 640, 3), 110, np.uint8)
    static[290:490, 290:490] = displaced[306:506, 274:474] = texture[:200, :200]
    _, (at_rest,) = follow(engine, [static] * 2, boxes)
    away = np.float32([-16, 16, -16, 16])
    _, (shifted,) = follow(engine, [displaced] * 2, boxes + away)
    assert np.allclose(shifted.boxes, at_rest.boxes + away, atol=0.01)
    assert np.allclose(shifted.scores, at_rest.scores, atol=1e-4)
    assert np.ptp(at_rest.scores) > 0.01


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_run_on_several_threads_is_repeatable(precision, moving_frames, is_identical):
    engine, threads = narrow_engine(precision), torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        first, repeated = (follow(engine, moving_frames[:3], overlapping_boxes()) for _ in range(2))
    finally:
        torch.set_num_threads(threads)
    assert is_identical(first[0], repeated[0])
    assert all(map(is_identical, first[1], repeated[1]))


def test_two_engines_in_one_process_are_independent(engine, moving_frames, is_identical):
    engines = [engine, narrow_engine(attention=False, inertia=False)]
    alone = [follow(one, moving_frames[:5])[1] for one in engines]
    targets = [one.enroll(one.observe(moving_frames[0]), APART) for one in engines]
    for i, frame in enumerate(moving_frames[1:5]):
        for j, one in enumerate(engines):
            targets[j], motion = one.track(one.observe(frame), targets[j])
            assert is_identical(motion, alone[j][i])
    assert not is_close(alone[0][-1], alone[1][-1])


def test_a_target_is_found_where_it_was_just_enrolled(frames, perfect_detector):
    engine, boxes = trained_engine("siammotion"), perfect_detector(frames[20]).xyxy
    _, (motion,) = follow(engine, [frames[20]] * 2, boxes)
    assert len(boxes) == 3
    assert (np.diag(iou(motion.boxes, boxes)) > 0.9).all()


def test_an_observation_stays_as_it_was(engine, moving_frames, is_identical):
    observation = engine.observe(moving_frames[0])
    before = deepcopy(observation)
    targets = engine.enroll(observation, overlapping_boxes())
    engine.track(observation, targets)
    engine.refresh(observation, targets, overlapping_boxes(seed=5), np.ones(20, np.bool_))
    assert is_identical(observation, before)


@pytest.mark.parametrize("off", [[], SWITCHES], ids=["whole", "baseline"])
def test_no_targets_are_legal_everywhere(off, moving_frames):
    engine = narrow_engine(**dict.fromkeys(off, False))
    observation, none = engine.observe(moving_frames[0]), np.zeros(0, np.bool_)
    targets = engine.enroll(observation, NONE)
    tracked, motion = engine.track(observation, targets)
    refreshed = engine.refresh(observation, tracked, NONE, none)
    assert motion.boxes.shape == (0, 4)
    assert motion.scores.shape == (0,)
    for part in (targets, tracked, refreshed, refreshed[none], Targets.cat([refreshed, targets])):
        assert type(part) is type(targets)
        assert len(part) == len(part.exemplars) == len(part.history) == 0


@pytest.mark.parametrize("way", ["parts", "crops"])
@pytest.mark.parametrize("size", [(317, 233), (305, 240), (320, 225), (17, 31)], ids=str)
def test_images_of_frames_of_any_size_have_sides_of_whole_cells(
    engine, size, way, render_view, monkeypatch
):
    width, height = size
    image, run, shapes = render_view()[:height, :width], engine.network.run, []

    def note_images(function, *arrays):
        if function == "features":
            shapes.append(arrays[0].shape)
        return run(function, *arrays)

    monkeypatch.setattr(engine.network, "run", note_images)
    assert engine.observe(image).size == size
    _, motions = follow(with_way(engine, way), [image] * 3, np.float32([[2, 2, 15, 25]]))
    assert len(shapes) == 3
    assert all(side % 16 == 0 for shape in shapes for side in shape[1:3])
    assert np.isfinite(motions[-1].boxes).all()


@pytest.mark.parametrize("off", [*([switch] for switch in SWITCHES), SWITCHES], ids=str)
def test_an_ablated_engine_tracks_without_its_parts(engine, off, moving_frames):
    variant = narrow_engine(**dict.fromkeys(off, False))
    targets, motions = follow(variant, moving_frames)
    for motion in motions:
        assert motion.boxes.shape == (4, 4)
        assert np.isfinite(motion.boxes).all()
        assert ((motion.scores >= 0) & (motion.scores <= 1)).all()
    assert (targets.exemplars.value is None) == ("attention" in off)
    assert (variant.penalisation.distractor == 0) == ("penalties" in off)
    assert (variant.network.module.network.inertia is None) == ("inertia" in off)
    same = is_close(follow(engine, moving_frames)[1][-1], motions[-1])
    assert same == (off == ["inertia"]), "untrained inertia expects rest, as does none"


def test_the_bias_measured_at_enrolment_is_subtracted(moving_frames):
    """Without damping and shape penalty, tracking on the same frame returns the enrolled boxes."""
    engine = without_interaction(narrow_engine())
    bare = replace(engine.penalisation, shape=0.0, size_damping=np.inf)
    engine = replace(engine, penalisation=bare, confidence=0.0)
    observation, boxes = engine.observe(moving_frames[0]), overlapping_boxes()
    targets = engine.enroll(observation, boxes)
    known = (targets.bias != 0).any(1)
    assert known.sum() > 0
    repeated = engine.track(observation, targets)[1].boxes
    assert np.allclose(repeated[known], boxes[known], atol=0.01)
    plain = replace(engine, correct_bias=False)
    targets = plain.enroll(observation, boxes)
    assert not targets.bias.any()
    uncorrected = plain.track(observation, targets)[1].boxes
    assert np.abs(uncorrected[known] - boxes[known]).max() > 1


@pytest.mark.parametrize(
    ("slack", "sure", "octave"), [(0.3, False, 0), (0.0, False, -1), (0.3, True, -1)]
)
def test_a_grown_target_is_searched_on_the_scale_of_its_exemplar(
    engine, moving_frames, monkeypatch, slack, sure, octave
):
    engine, extract, used = replace(engine, slack=slack), Extraction.extract, []
    observation = engine.observe(moving_frames[0])
    # search areas have 4.13 times the side of square boxes; 176 pixels are searched as they are,
    # and those larger by a quarter octave at half an octave less
    before, after = (np.array([[90, 90, 90 + s, 90 + s]], np.float32) for s in (42, 51))
    targets = engine.enroll(observation, before)
    targets = engine.refresh(observation, targets, after, np.array([sure]))

    def note_factors(*arguments):
        used.extend(arguments[5].tolist())
        return extract(*arguments)

    monkeypatch.setattr(Extraction, "extract", note_factors)
    engine.track(observation, targets)
    assert used == pytest.approx([2 ** (octave / 2)])

"""`siammotion` against the slow reference, and against itself: targets alone, parts and crops."""

from dataclasses import replace

import numpy as np
import pytest

from helpers import reference_siammotion as slow
from helpers.engine_runs import (
    follow,
    narrow_engine,
    overlapping_boxes,
    trained_engine,
    with_way,
    without_interaction,
)
from helpers.small_siammotion import BOXES, WHOLE, random_network
from mvot_plugin.engines.extraction import Extraction
from mvot_plugin.engines.siammotion import Penalisation, SiamMotionEngine
from mvot_plugin.models import siammotion_config
from mvot_plugin.models.siammotion_functions import SiamMotionFunctions
from mvot_plugin.ops.boxes import clip_boxes, cxcywh_to_xyxy, iou, xyxy_to_cxcywh
from mvot_plugin.ops.distractors import distractor_masks
from mvot_plugin.runtimes.torch_network import TorchNetwork

SWITCHES = ["pyramid", "rpn", "attention", "penalties", "inertia"]


@pytest.fixture
def whole_frames(monkeypatch):
    """A receptive field for which the part of a frame that targets need is the whole frame."""
    monkeypatch.setattr(siammotion_config, "EFFECTIVE_FIELD", WHOLE)


@pytest.mark.parametrize("way", ["crops", "parts"])
@pytest.mark.parametrize("off", [[], *([switch] for switch in SWITCHES), SWITCHES], ids=str)
def test_a_batch_is_as_many_targets_alone(off, way, whole_frames, moving_frames):
    """Crops go through the backbone one by one, as batches of another size round differently."""
    engine = without_interaction(narrow_engine(**dict.fromkeys(off, False)))
    engine = replace(engine, extraction=Extraction(way=way, batch=1))
    targets = engine.enroll(engine.observe(moving_frames[0]), overlapping_boxes(8))
    alone = [
        engine.enroll(engine.observe(moving_frames[0]), overlapping_boxes(8)[i : i + 1])
        for i in range(8)
    ]
    for frame in moving_frames[1:4]:
        observation = engine.observe(frame)
        targets, together = engine.track(observation, targets)
        for row, target in enumerate(alone):
            alone[row], motion = engine.track(observation, target)
            assert np.allclose(motion.boxes[0], together.boxes[row], atol=1e-4, rtol=1e-6)
            assert np.allclose(motion.scores[0], together.scores[row], atol=1e-4)


def test_tracking_is_that_of_the_reference(whole_frames, render_view):
    """Box by box: enrolment, scales, search areas, masks, proposals, penalties, damping."""
    network, size = random_network(), (208, 144)
    engine = SiamMotionEngine.from_network(
        TorchNetwork(SiamMotionFunctions(network)),
        extraction=Extraction(way="parts"),
        penalisation=Penalisation(),
        confidence=0.0,
        correct_bias=False,
        slack=0.0,
    )
    first, *later = (render_view(dx=9 * i)[: size[1], : size[0]].copy() for i in range(3))
    targets, last = engine.enroll(engine.observe(first), BOXES), BOXES
    for image in later:
        targets, motion = engine.track(engine.observe(image), targets)
        masks = distractor_masks(network.config.search_areas(last), size)
        expected = np.empty((len(BOXES), 4), np.float32)
        for i, (box, before) in enumerate(zip(last, xyxy_to_cxcywh(last), strict=True)):
            found = slow.track_target(network, first, image, BOXES[i], box)
            canonical = (before[2:] / found.unit).tolist()
            chosen, score = slow.select_box(found.logits, found.boxes, canonical, masks[i])
            expected[i] = np.array(chosen) * found.unit + [*before[:2], 0, 0]
            assert motion.scores[i] == pytest.approx(score, abs=1e-3)
        clipped = cxcywh_to_xyxy(clip_boxes(expected, xyxy_to_cxcywh(last), size))
        assert np.allclose(motion.boxes, clipped, atol=0.02)
        assert np.abs(motion.boxes - last).max(1).min() > 0.5
        last = motion.boxes


@pytest.mark.parametrize("name", ["siammotion", "siammotion-n"])
def test_parts_and_crops_of_a_frame_lead_to_the_same_boxes(name, frames, scene):
    """Nearly so: a crop is enlarged to the target's scale, a part to the nearest half octave."""
    engine, boxes = trained_engine(name), scene.ground_truth(0).xyxy
    runs = [follow(with_way(engine, way), frames[:12], boxes)[1] for way in ("parts", "crops")]
    for shared, alone in zip(*runs, strict=True):
        assert (np.diag(iou(shared.boxes, alone.boxes)) > 0.8).all()
        assert np.abs(shared.scores - alone.scores).mean() < 0.15

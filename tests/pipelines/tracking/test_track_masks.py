"""Masks go with their targets, from the engine to the tracks."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from helpers.pipelines import BOX, OTHER, blank_frames, track_all
from helpers.pipelines.masks import MaskEngine, RefreshingMaskEngine, mask_of_box
from helpers.pipelines.workers import lagging
from helpers.properties import assert_same
from helpers.synthetic import render
from mvot_pipelines.pipeline import MotPipeline, PipelineConfig
from mvot_pipelines.tracking.config import LateConfig
from mvot_plugin.association.lifecycle import LifecycleConfig
from mvot_plugin.types import Detections
from mvot_synthetic import NoisyDetector, street

EVERY = 3
LATER = [100.0, 70.0, 130.0, 115.0]
ALL = [BOX, OTHER, LATER]


@cache
def busy_street():
    """People, cars and cyclists who come, hide and go, before a camera that pans."""
    scene = street(7, size=(320, 240), frames=120, walkers=10, vehicles=2, cyclists=2, pan=0.5)
    return NoisyDetector(scene, seed=1, recall=0.7, false_positives=0.3), render(scene)


def run(engine, **options):
    """The tracks of each frame of a busy street, the ids of all trajectories, and the pipeline."""
    detector, frames = busy_street()
    answers, ids = [], []
    with MotPipeline(detector, engine, EVERY, **options) as pipeline:
        for frame in frames:
            answers.append(pipeline.step(frame))
            ids.append(pipeline.tracker.associator.ids)
            assert len(ids[-1]) == len(pipeline.tracker.targets)
    return answers, ids


def assert_own_masks(answers):
    """Each track has the mask that the engine made for its box."""
    for tracks in answers:
        np.testing.assert_array_equal(tracks.masks, mask_of_box(tracks.xyxy))


def test_each_track_has_the_mask_of_its_target():
    answers, ids = run(MaskEngine())
    assert_own_masks(answers)
    assert sum(map(len, answers)) > 500
    reported = [len(tracks) for tracks in answers]
    assert sum(len(all_ids) > count for all_ids, count in zip(ids, reported, strict=True)) > 50


@pytest.mark.parametrize("budget", [None, 0.0])
def test_late_answers_find_the_masks_of_their_targets(budget):
    config = PipelineConfig(late=LateConfig(budget=budget))
    late, _ = run(MaskEngine(), asynchronous=lagging(2), config=config)
    assert_own_masks([tracks for tracks in late if tracks.masks is not None])
    assert sum(map(len, late)) > 400
    if budget is None:
        in_time, _ = run(MaskEngine())
        for expected, found in zip(in_time[2::EVERY], late[2::EVERY], strict=True):
            assert_same(expected, found)


def detect_three(frame):
    """One is there at first and at last, another always, a third comes; each has its own looks."""
    present = [BOX, OTHER] if frame.index < 15 else [OTHER, LATER]
    present = [LATER, BOX, OTHER] if frame.index >= 30 else present[:: (-1) ** frame.index]
    looks = np.eye(3, dtype=np.float32)[[ALL.index(box) for box in present]]
    return replace(Detections.of(present), embeddings=looks)


def test_a_mask_stays_with_its_target_until_that_is_lost_and_comes_back():
    config = PipelineConfig(lifecycle=LifecycleConfig(tau=0.0, tau_cycles=1.0))
    pipeline = MotPipeline(detect_three, RefreshingMaskEngine(), EVERY, config=config)
    answers = track_all(pipeline, blank_frames(40))
    masks = mask_of_box(np.float32(ALL))
    for tracks in answers:
        np.testing.assert_array_equal(tracks.masks, masks[tracks.id - 1])
    ids = [tracks.id.tolist() for tracks in answers]
    assert [ids[index] for index in (0, 14, 17, 29, 39)] == [[1, 2]] * 3 + [[2, 3], [2, 3, 1]]


def test_frames_without_tracks_have_no_rows_of_masks():
    pipeline = MotPipeline(lambda frame: Detections.empty(), MaskEngine(), EVERY)
    for tracks in track_all(pipeline, blank_frames(5)):
        assert tracks.masks.shape == (0, 2, 2)


def test_engines_without_masks_give_none():
    pipeline = MotPipeline(lambda frame: Detections.of([BOX]), "hold", EVERY)
    assert [tracks.masks for tracks in track_all(pipeline, blank_frames(5))] == [None] * 5

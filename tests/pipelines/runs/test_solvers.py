"""Whole pipelines with each solver: on a street, with late answers, saved, and at their limits."""

import copy
import pickle
from typing import ClassVar

import numpy as np
import pytest

from helpers.pipelines import (
    BOX,
    OTHER,
    blank_frames,
    constant_detector,
    exact_detector,
    match_identities,
    track_all,
)
from helpers.pipelines.workers import lagging
from helpers.properties import assert_same
from helpers.synthetic import render
from mvot_pipelines.pipeline import MotPipeline, PipelineConfig
from mvot_pipelines.pipeline_config import SOLVERS
from mvot_pipelines.scheduling import Adaptive
from mvot_plugin.association.siammot import SiamMotSolverConfig
from mvot_plugin.engines.hold import HoldEngine
from mvot_plugin.ops.boxes import iou
from mvot_plugin.types import Detections
from mvot_synthetic import NoisyDetector, street

EVERY = 6


@pytest.fixture(scope="module")
def busy_street():
    """People, cars and cyclists who come, hide and go, before a camera that pans."""
    return street(7, size=(320, 240), frames=61, walkers=8, vehicles=2, cyclists=2, pan=0.5)


def assert_all_same(answers, others):
    for one, other in zip(answers, others, strict=True):
        assert_same(one, other)


def siammot(**settings):
    return PipelineConfig(solver="siammot", siammot=SiamMotSolverConfig(**settings))


@pytest.mark.parametrize("every", [1, 2])
@pytest.mark.parametrize("solver", SOLVERS)
def test_every_visible_object_keeps_one_id_and_a_box_on_every_frame(scene, frames, solver, every):
    config = PipelineConfig(solver=solver)
    answers = track_all(MotPipeline(exact_detector(scene), "lk-flow", every, config=config), frames)
    of_object, of_track = match_identities(scene, frames, answers)
    assert of_object == of_track == {1: {1}, 2: {2}, 3: {3}}
    for frame, tracks in zip(frames, answers, strict=True):
        assert tracks.id.tolist() == [1, 2, 3]
        ground_truth = scene.ground_truth(frame.index)
        assert np.diag(iou(tracks.xyxy, ground_truth.xyxy)).min() > 0.4
        assert tracks.detected.all() == (frame.index % every == 0)


@pytest.mark.parametrize("engine", ["hold", "lk-flow"])
@pytest.mark.parametrize("solver", SOLVERS)
def test_a_run_is_repeatable_bit_for_bit(busy_street, solver, engine):
    noisy, config = NoisyDetector(busy_street, seed=3, recall=0.8), PipelineConfig(solver=solver)
    runs = [
        track_all(MotPipeline(noisy, engine, 3, config=config), render(busy_street))
        for _ in range(2)
    ]
    assert sum(map(len, runs[0])) > 200
    assert_all_same(*runs)


def test_the_solvers_differ(busy_street):
    noisy, frames = NoisyDetector(busy_street, seed=3, recall=0.8), render(busy_street)
    own, paper = (
        track_all(MotPipeline(noisy, "lk-flow", 3, config=PipelineConfig(solver=name)), frames)
        for name in SOLVERS
    )
    assert [tracks.id.tolist() for tracks in own] != [tracks.id.tolist() for tracks in paper]


@pytest.mark.parametrize("lag", [1, 5])
@pytest.mark.parametrize("engine", ["hold", "lk-flow"])
def test_late_answers_give_what_answers_in_time_would_have_given(busy_street, engine, lag):
    detector, frames = NoisyDetector(busy_street, seed=1), render(busy_street)
    in_time = track_all(MotPipeline(detector, engine, EVERY, config=siammot()), frames)
    pipeline = MotPipeline(detector, engine, EVERY, config=siammot(), asynchronous=lagging(lag))
    late = track_all(pipeline, frames)
    assert sum(map(len, in_time)) > 100
    caught_up = [index for index in range(len(frames)) if index % EVERY >= lag]
    assert_all_same([in_time[i] for i in caught_up], [late[i] for i in caught_up])


def test_a_detector_in_a_thread_answers_too():
    with MotPipeline(
        constant_detector(BOX, OTHER), "hold", 2, config=siammot(), asynchronous=True
    ) as pipeline:
        frames = blank_frames(2000)
        answered = any(len(pipeline.step(frame)) == 2 for frame in frames)
    assert answered


class RecordingEngine(HoldEngine):
    """Keeps every box in place, and notes which targets are to be enrolled again."""

    asked: ClassVar[list[list[bool]]] = []

    def refresh(self, observation, targets, boxes, appearance):
        self.asked.append(appearance.tolist())
        return self.enroll(observation, boxes)


def test_the_engine_enrolls_again_where_a_detection_is_taken():
    RecordingEngine.asked.clear()
    detector = constant_detector(BOX, OTHER, confidence=[0.3, 0.9])
    tracker = MotPipeline(detector, RecordingEngine(), 2, config=siammot(beta=0.1))
    track_all(tracker, blank_frames(5))
    assert RecordingEngine.asked == [[], [True, True], [True, True]]


@pytest.mark.parametrize("save", [copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))])
def test_a_pipeline_goes_on_as_it_would_have(busy_street, save):
    frames = render(busy_street)
    detector = NoisyDetector(busy_street, seed=3)
    pipeline = MotPipeline(detector, "lk-flow", Adaptive(every=3), config=siammot())
    track_all(pipeline, frames[:15])
    saved = save(pipeline)
    expected = track_all(pipeline, frames[15:40])
    assert sum(map(len, expected)) > 50
    assert_all_same(track_all(saved, frames[15:40]), expected)


def test_settings_reach_the_solver():
    detector = constant_detector(BOX, OTHER, confidence=[0.4, 0.6])
    for beta, boxes in ((0.6, [BOX, OTHER]), (1.0, [OTHER])):
        tracker = MotPipeline(detector, "hold", config=siammot(beta=beta))
        assert tracker.step(blank_frames(1)[0]).xyxy.tolist() == boxes


def test_no_embedder_is_asked_where_appearance_is_not_compared():
    asked = []

    def embed(frame, boxes):
        asked.append(frame.index)
        return np.ones((len(boxes), 4), np.float32)

    for config in (PipelineConfig(), siammot()):
        tracker = MotPipeline(constant_detector(BOX), "hold", 2, embedder=embed, config=config)
        track_all(tracker, blank_frames(4))
    assert asked == [0, 2]


def test_targets_stay_bounded_where_all_is_new_on_every_frame():
    def detect(frame):
        corner = np.random.default_rng(frame.index).random((30, 2)) * 100
        return Detections.of(np.concatenate([corner, corner + 8], axis=1), 0.9)

    config = PipelineConfig(solver="siammot", max_detections=20)
    tracker, targets = MotPipeline(detect, "kalman", 1, config=config), []
    for frame in blank_frames(30):
        tracker.step(frame)
        targets.append(len(tracker.tracker.associator.ids))
    assert max(targets) == 40
    assert tracker.left_out_boxes > 10 * 30

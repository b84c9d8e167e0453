"""The pipeline with minimal engines, with engines that confuse targets, and with schedulers."""

from dataclasses import dataclass

import numpy as np
import pytest

from helpers.engine_runs import narrow_engine
from helpers.pipelines import (
    BOX,
    OTHER,
    blank_frames,
    constant_detector,
    recording_detector,
    track_all,
)
from mvot_pipelines.pipeline import MotPipeline, PipelineConfig
from mvot_plugin.association.affinity import AffinityConfig
from mvot_plugin.engines import Motion, MotionEngine, Targets
from mvot_plugin.engines.base import SupportsRefresh, as_boxes
from mvot_plugin.types import Detections, Frame, as_frame
from mvot_synthetic import NoisyDetector


@dataclass(frozen=True, kw_only=True)
class SparseScheduler:
    """Detects on these frames, and whenever a target's score falls below ``least``."""

    frames: tuple[int, ...]
    least: float

    def due(self, frame: Frame, motion: Motion) -> bool:
        return frame.index in self.frames or bool((motion.scores < self.least).any())


def test_a_custom_scheduler_gets_frame_and_motion():
    detector, calls = recording_detector(constant_detector(BOX))
    track_all(
        MotPipeline(detector, "hold", SparseScheduler(frames=(2,), least=0.75)), blank_frames(20)
    )
    assert calls == [2, 8, 14]


@dataclass(frozen=True, kw_only=True, eq=False)
class DriftTargets(Targets):
    frames: np.ndarray


class DriftingEngine:
    """A minimal third-party engine: only the three methods of the contract."""

    def observe(self, frame: Frame | np.ndarray) -> Frame:
        return as_frame(frame)

    def enroll(self, observation: Frame, boxes: np.ndarray) -> DriftTargets:
        return DriftTargets(boxes=as_boxes(boxes), frames=np.zeros(len(boxes), np.int64))

    def track(self, observation: Frame, targets: DriftTargets) -> tuple[DriftTargets, Motion]:
        boxes = targets.boxes + np.float32(1)
        scores = np.full(len(boxes), 0.75, np.float32)
        return DriftTargets(boxes=boxes, frames=targets.frames + 1), Motion(
            boxes=boxes, scores=scores
        )


def test_an_engine_of_three_methods_is_enough():
    engine = DriftingEngine()
    assert isinstance(engine, MotionEngine)
    assert not isinstance(engine, SupportsRefresh)
    tracker = MotPipeline(constant_detector(BOX, OTHER), engine, 4)
    answers = track_all(tracker, blank_frames(10))
    for i, tracks in enumerate(answers):
        assert tracks.id.tolist() == [1, 2]
        assert tracks.xyxy.tolist() == (np.array([BOX, OTHER]) + i % 4).tolist()
        assert tracks.score.tolist() == ([0.75, 0.75] if i % 4 else [1, 1])
    assert tracker.tracker.targets.frames.tolist() == [1, 1]


def test_the_engines_targets_stay_row_by_row_with_the_trajectories(scene, frames):
    tracker = MotPipeline(
        NoisyDetector(scene, seed=5, recall=0.6, false_positives=1.0), DriftingEngine(), 2
    )
    for frame in frames:
        tracker.step(frame)
        table = tracker.tracker.associator.lifecycle.trajectories
        assert len(tracker.tracker.targets) == len(table)
        assert np.array_equal(tracker.tracker.targets.boxes, table.boxes)
        assert len(set(table.id)) == len(table)


def test_targets_that_leave_between_detector_calls_do_not_affect_others():
    leaving = [130.0, 10.0, 155.0, 60.0]
    tracker = MotPipeline(constant_detector(leaving, BOX), DriftingEngine(), 100)
    for i, frame in enumerate(blank_frames(40)):
        tracks = tracker.step(frame)
        assert (
            tracker.tracker.targets.boxes.tolist()
            == tracker.tracker.associator.lifecycle.trajectories.boxes.tolist()
        )
        assert tracks.xyxy[tracks.id == 2].tolist() == [(np.array(BOX) + i).tolist()]
    assert tracks.id.tolist() == [2]


@pytest.mark.parametrize("name", ["siammotion", "siammotion-n", "siamattn"])
def test_a_network_in_half_precision_begins_without_targets(name, frames, perfect_detector):
    tracker = MotPipeline(perfect_detector, narrow_engine("bf16", name=name), 2)
    assert [tracks.id.tolist() for tracks in track_all(tracker, frames[:3])] == [[1, 2, 3]] * 3


def test_inertia_reidentifies_a_moving_target_that_the_engine_lost():
    def detector(frame):
        shift = 3.0 * frame.index
        box = [BOX[0] + shift, BOX[1], BOX[2] + shift, BOX[3]]
        return Detections.of([] if 15 <= frame.index < 30 else [box])

    answers = track_all(MotPipeline(detector, "hold", 1), blank_frames(36))
    assert len(answers[29]) == 0
    assert answers[35].id.tolist() == [1]
    assert answers[35].detected.all()


class NearestBoxEngine(DriftingEngine):
    """Confuses a hidden target with its occluder: each box moves to the nearest visible one."""

    def __init__(self, visible_boxes):
        self.visible_boxes = visible_boxes

    def track(self, observation, targets):
        visible = np.array(self.visible_boxes(observation.index), np.float32)
        shift = np.abs(targets.boxes[:, None] - visible).sum(2)
        boxes = visible[shift.argmin(1)] if len(targets) else targets.boxes
        motion = Motion(boxes=boxes, scores=np.full(len(boxes), 0.9, np.float32))
        return DriftTargets(boxes=boxes, frames=targets.frames), motion


@pytest.mark.parametrize("every", [1, 3])
def test_a_target_keeps_its_id_when_it_passes_behind_another(every):
    def walkers(index):
        return [[x, 10.0, x + 30, 60.0] for x in (120 - 2.0 * index, 3.0 * index)]

    def visible_boxes(index):
        back, front = walkers(index)
        return [front] if abs(front[0] - back[0]) < 15 else [back, front]

    def track_to_end(**settings):
        config = PipelineConfig(affinity=AffinityConfig(**settings))
        tracker = MotPipeline(
            lambda frame: Detections.of(walkers(frame.index)),
            NearestBoxEngine(visible_boxes),
            every,
            config=config,
        )
        *_, last = track_all(tracker, blank_frames(40))
        return dict(zip(last.id.tolist(), last.xyxy.tolist(), strict=True))

    back, front = walkers(39)
    expected = {1: back, 2: front}
    assert track_to_end() == expected
    assert track_to_end(course_weight=0.0) != expected  # by the engine's boxes they switch


def test_a_known_target_is_matched_before_a_newcomer():
    def shifted_box(shift):
        return [BOX[0] + shift, BOX[1], BOX[2] + shift, BOX[3]]

    boxes_by_frame = [[BOX], [BOX, shifted_box(20.5)], [shifted_box(13.0)]]
    tracker = MotPipeline(lambda frame: Detections.of(boxes_by_frame[frame.index]), "hold", 1)
    answers = track_all(tracker, blank_frames(3))
    assert len(tracker.tracker.associator.lifecycle.trajectories) >= 1
    assert answers[2].id.tolist() == [1]
    assert answers[2].xyxy.tolist() == [shifted_box(13.0)]
    assert answers[2].detected.tolist() == [True]

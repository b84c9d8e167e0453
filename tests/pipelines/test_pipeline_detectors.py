"""The pipeline and detectors: types of results, failures, boxes that cannot be tracked."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from helpers.pipelines import (
    BOX,
    OTHER,
    blank_frames,
    constant_detector,
    failing_detector,
    track_all,
)
from mvot_pipelines.pipeline import MotPipeline, PipelineConfig
from mvot_plugin.association.appearance import AppearanceConfig
from mvot_plugin.errors import InputError, UsageError
from mvot_plugin.timing import StageTimer
from mvot_plugin.types import Detections


def ultralytics_like(boxes):
    parts = np.array(boxes, np.float32), np.full(len(boxes), 0.5), np.full(len(boxes), 2)
    return SimpleNamespace(
        boxes=SimpleNamespace(**dict(zip(("xyxy", "conf", "cls"), parts, strict=True)))
    )


def supervision_like(boxes):
    return SimpleNamespace(
        xyxy=np.array(boxes, np.float32),
        confidence=np.full(len(boxes), 0.5, np.float32),
        class_id=np.full(len(boxes), 2),
    )


@pytest.mark.parametrize(
    "answer",
    [ultralytics_like, lambda boxes: [ultralytics_like(boxes)], supervision_like],
    ids=["ultralytics", "list of ultralytics", "supervision"],
)
def test_a_callable_may_return_results_of_other_libraries(answer):
    tracker = MotPipeline(lambda frame: answer([BOX, OTHER]), "hold", 2)
    first, second = track_all(tracker, blank_frames(2))
    assert first.xyxy.tolist() == second.xyxy.tolist() == [BOX, OTHER]
    assert first.class_id.tolist() == [2, 2]
    assert first.score.tolist() == [0.5, 0.5]


def test_a_detector_that_fails_ends_the_run_with_frame_and_cause(frames, perfect_detector):
    tracker = MotPipeline(failing_detector(perfect_detector, 6), "hold", 2)
    track_all(tracker, frames[:6])
    with pytest.raises(
        InputError, match=r"failed on frame 6 \(ConnectionError: camera server is gone\); to go on"
    ) as caught:
        tracker.step(frames[6])
    assert isinstance(caught.value.__cause__, ConnectionError)
    assert tracker.detector_errors == []


def test_a_detector_may_fail_where_the_engine_is_to_coast(scene, frames, perfect_detector):
    config = PipelineConfig(on_detector_error="coast")
    tracker = MotPipeline(failing_detector(perfect_detector, 10, 15), "lk-flow", 5, config=config)
    answers = track_all(tracker, frames[:31])
    assert tracker.detector_errors == [
        "frame 10: ConnectionError: camera server is gone",
        "frame 15: ConnectionError: camera server is gone",
    ]
    assert all(tracks.id.tolist() == [1, 2, 3] for tracks in answers)
    assert [bool(tracks.detected.any()) for tracks in answers[::5]] == [
        *(True, True, False, False),
        *(True, True, True),
    ]


def test_a_detector_that_fails_from_the_start_gives_no_tracks():
    config = PipelineConfig(on_detector_error="coast")
    tracker = MotPipeline(failing_detector(constant_detector(BOX), 0), "hold", 3, config=config)
    assert [len(tracks) for tracks in track_all(tracker, blank_frames(5))] == [0, 0, 0, 1, 1]


def test_a_result_that_is_no_detections_is_a_failure_of_the_detector():
    with pytest.raises(InputError, match=r"failed on frame 0 \(detections must be an N x 6 array"):
        MotPipeline(lambda frame: 7, "hold").step(blank_frames(1)[0])
    tracker = MotPipeline(lambda frame: 7, "hold", config=PipelineConfig(on_detector_error="coast"))
    assert len(tracker.step(blank_frames(1)[0])) == 0
    assert len(tracker.detector_errors) == 1


def test_interrupting_a_detector_is_no_failure_of_it():
    def interrupted(frame):
        raise KeyboardInterrupt

    config = PipelineConfig(on_detector_error="coast")
    with pytest.raises(KeyboardInterrupt):
        MotPipeline(interrupted, "hold", config=config).step(blank_frames(1)[0])


def test_boxes_that_cannot_be_tracked_are_dropped_and_counted():
    bad = [
        [np.nan, 0, 5, 5],
        [0, 0, np.inf, 5],
        [40, 10, 10, 60],
        [5, 5, 5, 50],
        [-90, -90, -10, -10],
        [200, 10, 240, 60],
    ]
    tracker = MotPipeline(constant_detector(*bad[:3], BOX, *bad[3:]), "lk-flow", 2)
    answers = track_all(tracker, blank_frames(4))
    assert tracker.dropped_boxes == 12
    assert all(tracks.xyxy.tolist() == [BOX] for tracks in answers)
    assert all(tracks.id.tolist() == [1] for tracks in answers)


def test_a_confidence_that_is_no_number_drops_its_box():
    tracker = MotPipeline(constant_detector(BOX, OTHER, confidence=[np.nan, 1.0]), "hold")
    assert tracker.step(blank_frames(1)[0]).xyxy.tolist() == [OTHER]
    assert tracker.dropped_boxes == 1


def test_the_embedder_is_given_the_usable_boxes_of_every_detection():
    calls = []

    def embed(frame, boxes):
        calls.append((frame.index, boxes.tolist()))
        return np.ones((len(boxes), 3))

    detector = constant_detector(BOX, [500, 10, 600, 60], OTHER)
    track_all(MotPipeline(detector, "hold", 3, embedder=embed), blank_frames(5))
    assert calls == [(0, [BOX, OTHER]), (3, [BOX, OTHER])]


def refuse_to_embed(frame, boxes):
    raise AssertionError("not needed")


def embedded(*embeddings):
    """A detector of ``BOX`` with an embedding of its own for each frame, the last from then on."""

    def detect(frame):
        row = embeddings[min(frame.index, len(embeddings) - 1)]
        found = Detections.of([BOX])
        return replace(found, embeddings=np.array([row], np.float32))

    return detect


def test_detections_keep_their_own_embeddings():
    tracker = MotPipeline(embedded([1, 1, 1]), "hold", 1, embedder=refuse_to_embed)
    assert [len(tracks) for tracks in track_all(tracker, blank_frames(2))] == [1, 1]


def test_a_detectors_own_embeddings_are_scaled_to_unit_length():
    tracker = MotPipeline(embedded([30, 40]), "hold", 1)
    track_all(tracker, blank_frames(2))
    look, wanted = np.array([[0.6, 0.8]], np.float32), np.ones((1, 1), np.bool_)
    cosine = tracker.tracker.associator._gallery.compare(np.array([1]), look, wanted)
    assert cosine.item() == pytest.approx(1)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_detectors_own_embeddings_must_be_finite(value):
    tracker = MotPipeline(embedded([1, 0], [1, value]), "hold", 1)
    with pytest.raises(InputError, match="embeddings must be finite numbers; those of frame 1"):
        track_all(tracker, blank_frames(3))


def test_without_a_weight_of_appearance_nothing_is_embedded():
    config = PipelineConfig(appearance=AppearanceConfig(weight=0.0))
    detector = constant_detector(BOX)
    tracker = MotPipeline(detector, "hold", 1, embedder=refuse_to_embed, config=config)
    assert [len(tracks) for tracks in track_all(tracker, blank_frames(2))] == [1, 1]


@pytest.mark.parametrize(
    ("embedder", "stages"),
    [(None, 0), ("none", 0), ("colour", 2)],
)
def test_the_time_of_the_embedder_is_a_stage_of_its_own(embedder, stages):
    timer = StageTimer()
    tracker = MotPipeline(constant_detector(BOX), "hold", 3, embedder=embedder, timer=timer)
    track_all(tracker, blank_frames(5))
    assert timer.calls.get("embed", 0) == stages


def test_an_embedder_that_fails_ends_the_run_even_where_the_engine_may_coast():
    config = PipelineConfig(on_detector_error="coast")
    tracker = MotPipeline(
        constant_detector(BOX), "hold", embedder=lambda frame, boxes: boxes[0], config=config
    )
    with pytest.raises(InputError, match=r"shape \(1, D\)"):
        tracker.step(blank_frames(1)[0])


def test_an_unknown_embedder_is_refused_at_once():
    with pytest.raises(UsageError, match="unknown embedder 'color'"):
        MotPipeline(constant_detector(BOX), "hold", embedder="color")

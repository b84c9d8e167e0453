"""Training data of inertia: windows, ground-truth tracks, tracker boxes, batches."""

from dataclasses import replace

import numpy as np
import pytest

from helpers.engine_runs import narrow_engine
from helpers.training.data import FRAMES, LEFT, box_at
from helpers.training.inertia_windows import AHEAD, CONFIG, KNOWN, constant_velocity_windows
from mvot_pipelines.sources import open_source
from mvot_training.inertia.sampling import WindowSampler
from mvot_training.inertia.synthetic import sample_trajectories
from mvot_training.inertia.tracker_boxes import cut_tracked_windows, track_sequence
from mvot_training.inertia.trajectories import (
    GroundTruthTracks,
    cut_filmed_windows,
    read_ground_truth_tracks,
)
from mvot_training.inertia.windows import cut_windows


def test_every_window_of_a_track_is_cut():
    boxes = np.arange(4 * 12, dtype=np.float32).reshape(12, 4)
    windows = cut_windows(boxes[:8] + 0.5, boxes, known=KNOWN, ahead=AHEAD)
    assert len(windows) == 3
    assert np.array_equal(windows.seen[2], boxes[2:8] + 0.5)
    assert np.array_equal(windows.true[2], boxes[2:11])
    assert len(cut_windows(boxes, boxes[:10], known=KNOWN, ahead=AHEAD)) == 2
    assert len(cut_windows(boxes, boxes[:8], known=KNOWN, ahead=AHEAD)) == 0


def test_segments_end_at_gaps_and_are_of_every_stride(tmp_path):
    frames = np.array([3, 4, 5, 7, 8, 0, 1])
    ids = np.array([1, 1, 1, 1, 1, 2, 2])
    boxes = np.repeat((10.0 * ids + frames)[:, None], 4, axis=1).astype(np.float32)
    tracks = GroundTruthTracks(folder=tmp_path, frame=frames, id=ids, boxes=boxes)
    assert [segment[:, 0].tolist() for segment in tracks.segments(1)] == [
        [13, 14, 15],
        [17, 18],
        [20, 21],
    ]
    assert [segment[:, 0].tolist() for segment in tracks.segments(2)] == [
        [13, 15, 17],
        [14],
        [18],
        [20],
        [21],
    ]


def test_tracks_start_at_the_ground_truth_and_end_where_they_lose_it(clips):
    never_sure = {"confidence": 1.1, "stand_in": "last box"}  # all boxes stay
    engine = replace(narrow_engine(), **never_sure)
    (ground_truth,), _ = read_ground_truth_tracks([clips], held_out=("kept",), frames=10)
    with open_source(ground_truth.folder) as source:
        tracks = track_sequence(engine, source, ground_truth, (1, 2))
    red = tracks[(tracks.id == 1) & (tracks.frame < 10)]
    boxes = {(s, f): box for s, f, box in zip(red.stride, red.frame, red.boxes, strict=True)}

    def overlap(frames):  # of the red box with itself so many frames later
        w, h = LEFT[2] - 3 * frames, LEFT[3] - frames
        return w * h / (2 * LEFT[2] * LEFT[3] - w * h)

    for stride in (1, 2):
        start = 0
        for frame in range(0, 10, stride):
            start = start if overlap(frame - start) > 0.5 else frame
            x, y, w, h = box_at(LEFT, start)
            assert boxes[stride, frame] == pytest.approx([x + w / 2, y + h / 2, w, h], abs=1e-3)
    assert overlap(2) > 0.5 > overlap(3)
    assert len(set(red.track[red.stride == 1].tolist())) == 4
    assert len(set(red.track[red.stride == 2].tolist())) == 6


def test_tracked_windows_have_the_ground_truth_of_the_same_frames(clips):
    (ground_truth,), _ = read_ground_truth_tracks([clips], held_out=("kept",))
    engine = replace(narrow_engine(), confidence=1.1, stand_in="last box")
    motionless = replace(ground_truth, boxes=ground_truth.boxes[0] + 0 * ground_truth.boxes)
    with open_source(ground_truth.folder) as source:
        tracks = track_sequence(engine, source, motionless, (1,))
    windows = cut_tracked_windows([(tracks, ground_truth)], known=KNOWN, ahead=AHEAD)
    assert len(windows) == 2 * (FRAMES - KNOWN - AHEAD + 1)
    assert np.allclose(windows.seen[:4], ground_truth.boxes[0], atol=1e-3)
    filmed = cut_filmed_windows([ground_truth], (1,), known=KNOWN, ahead=AHEAD)
    assert np.array_equal(windows.true, filmed.true)


def test_batches_get_the_trackers_errors():
    exact, tracked = constant_velocity_windows(8), constant_velocity_windows(8, 1)
    shifted = tracked.seen + np.float32([4, 0, 0, 0])
    windows = WindowSampler(tracked=replace(tracked, seen=shifted), filmed=exact)
    shares = replace(
        CONFIG,
        batch=200,
        tracked_share=0.0,
        filmed_share=0.5,
        synthetic_share=0.5,
        noise_share=0.25,
    )
    batch = windows.sample_batch(np.random.default_rng(0), shares)
    error = (batch.seen - batch.true[:, :KNOWN]) / batch.seen[..., 2:3]
    assert np.allclose(error[..., 1:], 0, atol=1e-3)
    noisy = np.abs(error[..., 0]) > 0.05
    assert (noisy.all(1) | ~noisy.any(1)).all()
    assert np.allclose(np.abs(error[noisy][:, 0]), 0.1, atol=1e-3)
    assert {-1.0, 1.0} == set(np.sign(error[noisy][:, 0]).tolist())  # some are mirrored
    assert 0.15 < noisy[:, 0].mean() < 0.35
    assert (
        len(windows.sample_batch(np.random.default_rng(0), replace(shares, tracked_share=2.0)))
        == 200
    )


def test_synthetic_trajectories_cover_speeds_and_have_sizes():
    boxes = sample_trajectories(np.random.default_rng(0), 500, 9)
    assert np.array_equal(boxes, sample_trajectories(np.random.default_rng(0), 500, 9))
    assert (boxes[..., 2:] > 1).all()
    steps = np.linalg.norm(np.diff(boxes[..., :2], axis=1), axis=2)
    speed = (steps / np.sqrt(boxes[:, 1:, 2:].prod(2))).max(1)
    assert (speed < 0.01).mean() > 0.1
    assert (speed > 0.2).mean() > 0.1
    growth = np.abs(np.log(boxes[:, -1, 2] / boxes[:, 0, 2]))
    assert 0.3 < (growth > 1e-3).mean() < 0.7

from types import GeneratorType

import numpy as np
import pytest

from helpers.engine_runs import WITHOUT_A_NETWORK, contract_engine
from helpers.pipelines import (
    BLANK_IMAGE,
    BOX,
    OTHER,
    blank_frames,
    constant_detector,
    exact_detector,
    match_identities,
    recording_detector,
    track_all,
)
from helpers.synthetic import render
from mvot_pipelines.pipeline import MotPipeline, PipelineConfig
from mvot_plugin.association.lifecycle import LifecycleConfig
from mvot_plugin.engines import engine_names
from mvot_plugin.errors import InputError, UsageError
from mvot_plugin.ops.boxes import iou
from mvot_plugin.types import Detections, Tracks
from mvot_synthetic import NoisyDetector, street


@pytest.mark.parametrize("engine", ["lk-flow", "kalman"])
@pytest.mark.parametrize("every", [1, 5])
def test_every_visible_object_keeps_one_id_and_a_box_on_every_frame(
    scene, frames, perfect_detector, engine, every
):
    answers = track_all(MotPipeline(perfect_detector, engine, every), frames)
    of_object, of_track = match_identities(scene, frames, answers)
    assert of_object == {1: {1}, 2: {2}, 3: {3}}
    assert of_track == {1: {1}, 2: {2}, 3: {3}}
    overlaps = []
    for frame, tracks in zip(frames, answers, strict=True):
        assert tracks.id.tolist() == [1, 2, 3]
        ground_truth = scene.ground_truth(frame.index)
        assert ground_truth.id.tolist() == [1, 2, 3]
        overlaps.append(np.diag(iou(tracks.xyxy, ground_truth.xyxy)))
    assert np.mean(overlaps) > (0.99 if every == 1 else 0.8)
    assert np.min(overlaps) > (0.99 if every == 1 else 0.4)


@pytest.fixture(scope="module")
def three_who_enter():
    """A street that three people enter, one after the other."""
    scene = street(22, size=(320, 240), frames=75, walkers=4, vehicles=0, cyclists=0, pan=1)
    return scene.select({2, 3, 4})


@pytest.mark.parametrize("every", [1, 5])
def test_an_object_that_enters_later_gets_a_new_id(every, three_who_enter):
    scene, frames = three_who_enter, render(three_who_enter)
    answers = track_all(MotPipeline(exact_detector(scene), "lk-flow", every), frames)
    of_object, of_track = match_identities(scene, frames, answers)
    assert of_object == {4: {1}, 2: {2}, 3: {3}}
    assert of_track == {1: {4}, 2: {2}, 3: {3}}
    assert [tracks.id.tolist() for tracks in answers[::30]] == [[1], [1, 2], [1, 2, 3]]
    shown = np.array([len(tracks) for tracks in answers])
    assert (np.diff(shown) >= 0).all()


@pytest.mark.parametrize("every", [1, 3, 5, 100])
def test_the_detector_is_called_on_every_kth_frame_only(frames, perfect_detector, every):
    detector, calls = recording_detector(perfect_detector)
    track_all(MotPipeline(detector, "hold", every), frames[:17])
    assert calls == list(range(0, 17, every))


def test_a_box_is_marked_detected_on_detector_frames_only(scene, frames, perfect_detector):
    for frame, tracks in zip(
        frames, track_all(MotPipeline(perfect_detector, "lk-flow", 4), frames), strict=True
    ):
        if frame.index % 4:
            assert not tracks.detected.any()
        else:
            assert tracks.detected.all()
            assert np.array_equal(tracks.xyxy, perfect_detector(frame).xyxy)


def test_a_track_that_the_detector_missed_is_not_marked_detected(frames, scene):
    detector = exact_detector(scene)

    def without_second(frame):
        found = detector(frame)
        return found[[0, 2]] if frame.index == 20 else found

    answers = track_all(MotPipeline(without_second, "lk-flow", 2), frames[:25])
    assert answers[20].id.tolist() == [1, 2, 3]
    assert answers[20].detected.tolist() == [True, False, True]
    assert answers[22].id.tolist() == [1, 2, 3]
    assert answers[22].detected.all()


def test_the_order_of_detections_does_not_change_identities(frames, perfect_detector):
    def shuffled(frame):
        found = perfect_detector(frame)
        return found[np.random.default_rng(frame.index + 1).permutation(len(found))]

    first = {tuple(b): i for b, i in zip(shuffled(frames[0]).xyxy, (1, 2, 3), strict=True)}
    names = [first[tuple(box)] for box in perfect_detector(frames[0]).xyxy]
    straight = track_all(MotPipeline(perfect_detector, "lk-flow", 3), frames[:30])
    mixed = track_all(MotPipeline(shuffled, "lk-flow", 3), frames[:30])
    for a, b in zip(straight, mixed, strict=True):
        for row, name in zip(range(3), names, strict=True):
            assert np.array_equal(a.xyxy[row], b.xyxy[b.id == name][0])


@pytest.mark.parametrize("name", engine_names())
def test_runs_are_repeatable_and_pipelines_in_one_process_are_independent(
    scene, frames, name, is_identical
):
    """Bit for bit, in turns and one after the other, with an engine each and with the same one."""
    one, two = contract_engine(name), contract_engine(name)
    detectors = [
        NoisyDetector(scene, seed=seed, recall=0.8, false_positives=0.3) for seed in (1, 3)
    ]
    plans = list(zip(detectors, (3, 4), strict=True))
    apart = [
        track_all(MotPipeline(detector, engine, k), frames[:12])
        for (detector, k), engine in zip(plans, (one, two), strict=True)
    ]
    assert min(sum(map(len, answers)) for answers in apart) > 20
    for engines in ((one, two), (one, one)):
        trackers = [
            MotPipeline(detector, engine, k)
            for (detector, k), engine in zip(plans, engines, strict=True)
        ]
        turns = [[tracker.step(frame) for tracker in trackers] for frame in frames[:12]]
        together = [list(answers) for answers in zip(*turns, strict=True)]
        assert is_identical(apart, together)


def test_run_yields_each_frame_with_the_tracks_of_step(frames, perfect_detector, is_identical):
    stepped = track_all(MotPipeline(perfect_detector, "lk-flow", 5), frames[:20])
    pairs = list(MotPipeline(perfect_detector, "lk-flow", 5).run(frames[:20]))
    assert [frame is given for (frame, _), given in zip(pairs, frames, strict=False)] == [True] * 20
    assert is_identical([tracks for _, tracks in pairs], stepped)


def test_run_reads_one_frame_at_a_time():
    read = []

    def source():
        for frame in blank_frames(9):
            read.append(frame.index)
            yield frame

    answers = MotPipeline(constant_detector(BOX), "hold").run(source())
    assert isinstance(answers, GeneratorType)
    assert read == []
    for i in range(4):
        frame, tracks = next(answers)
        assert frame.index == i
        assert len(tracks) == 1
        assert read == list(range(i + 1))


def test_returned_tracks_are_not_changed_later(frames, perfect_detector):
    tracker = MotPipeline(perfect_detector, "hold", 5)
    answers = track_all(tracker, frames[:8])
    copies = [tracks.xyxy.copy() for tracks in answers]
    answers[7].xyxy[:] = 0
    later = tracker.step(frames[8])
    assert np.array_equal(later.xyxy, copies[7])
    for tracks, copy in zip(answers[:7], copies, strict=False):
        assert np.array_equal(tracks.xyxy, copy)


def test_a_detector_may_change_its_detections_afterwards():
    found = Detections.of([BOX])
    tracker = MotPipeline(lambda frame: found, "hold", 5)
    first = tracker.step(blank_frames(1)[0])
    found.xyxy[:] += 50
    assert first.xyxy.tolist() == [BOX]
    assert tracker.step(blank_frames(2)[1]).xyxy.tolist() == [BOX]


def test_bare_arrays_are_numbered_and_timed_by_the_frame_rate():
    given = []

    def detector(frame):
        given.append((frame.index, frame.timestamp))
        return Detections.empty()

    tracker = MotPipeline(detector, "hold", 2, frame_rate=10.0)
    pairs = list(tracker.run([BLANK_IMAGE] * 5))
    assert given == [(0, 0.0), (2, 0.2), (4, 0.4)]
    assert [(frame.index, frame.timestamp) for frame, _ in pairs] == [(i, i / 10) for i in range(5)]


def test_bare_arrays_are_tracked_as_frames_of_the_same_time(frames, perfect_detector, is_identical):
    bare = MotPipeline(perfect_detector, "lk-flow", 3, frame_rate=25.0)
    timed = MotPipeline(perfect_detector, "lk-flow", 3)
    assert is_identical(
        track_all(bare, [frame.image for frame in frames[:20]]), track_all(timed, frames[:20])
    )


@pytest.mark.parametrize("bad", [np.zeros((9, 9), np.uint8), np.zeros((9, 9, 3)), "video.mp4"])
def test_a_value_that_is_no_frame_is_refused(bad):
    with pytest.raises((InputError, TypeError), match=r"BGR uint8|[Tt]ype-check"):
        MotPipeline(constant_detector(BOX), "hold").step(bad)


def test_a_video_without_any_object():
    detector, calls = recording_detector(constant_detector())
    answers = track_all(MotPipeline(detector, "lk-flow", 2), blank_frames(6))
    assert all(isinstance(tracks, Tracks) and len(tracks) == 0 for tracks in answers)
    assert calls == [0, 2, 4]


@pytest.mark.parametrize("engine", WITHOUT_A_NETWORK)
def test_objects_may_all_leave_and_others_come(engine):
    def detector(frame):
        return Detections.of([BOX] if frame.index < 50 else [OTHER] if frame.index > 150 else [])

    for embedder, known in ((None, False), ("colour", True)):  # on black all have one colour
        tracker = MotPipeline(detector, engine, 5, embedder=embedder)
        answers = track_all(tracker, blank_frames(200))
        assert answers[40].id.tolist() == [1]
        assert len(answers[149]) == 0
        (last,) = answers[199].id.tolist()
        assert (last == 1) == known
        assert answers[199].xyxy.tolist()[0] == pytest.approx(OTHER, abs=0.5)


def test_settings_reach_the_lifecycle():
    config = PipelineConfig(lifecycle=LifecycleConfig(beta=0.5))
    tracker = MotPipeline(
        constant_detector(BOX, OTHER, confidence=[0.4, 0.6]), "hold", config=config
    )
    assert tracker.step(blank_frames(1)[0]).xyxy.tolist() == [OTHER]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"engine": "kalmann"}, "did you mean 'kalman'"),
        ({"detect_every": 0}, "--detect-every must be 1 or more, got 0"),
        ({"detector": 7}, "a detector is a callable"),
    ],
)
def test_invalid_options_are_refused_at_once(options, message):
    with pytest.raises((UsageError, TypeError), match=f"{message}|[Tt]ype-check"):
        MotPipeline(**{"detector": constant_detector(BOX), "engine": "hold", **options})

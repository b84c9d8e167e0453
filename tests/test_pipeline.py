from dataclasses import dataclass
from types import GeneratorType, SimpleNamespace

import numpy as np
import pytest

from following import WITHOUT_A_NETWORK, contract_engine
from mvot_pipelines.pipeline import MotPipeline, PipelineConfig
from mvot_pipelines.timing import StageTimer
from mvot_plugin.engines import Motion, MotionEngine, Targets, engine_names
from mvot_plugin.engines.base import Refreshes, as_boxes, mistakable
from mvot_plugin.errors import InputError, UsageError
from mvot_plugin.lifecycle import LifecycleConfig
from mvot_plugin.ops.boxes import iou
from mvot_plugin.synthetic import NoisyDetector, street
from mvot_plugin.types import Detections, Frame, Tracks, as_frame

BOX = [10.0, 10.0, 40.0, 60.0]
OTHER = [80.0, 20.0, 110.0, 70.0]
BLANK = np.zeros((120, 160, 3), np.uint8)


def tracked(tracker, frames):
    return [tracker.step(frame) for frame in frames]


def exact(scene):
    return NoisyDetector(scene, recall=1.0, jitter=0.0, false_positives=0.0)


def always(*boxes, **columns):
    return lambda frame: Detections.of(boxes, **columns)


def noticing(detector):
    """The detector, and the indices of the frames that it was called on."""
    calls = []

    def call(frame):
        calls.append(frame.index)
        return detector(frame)

    return call, calls


def blanks(count, rate=25):
    return [Frame(image=BLANK, index=i, timestamp=i / rate) for i in range(count)]


def identities(scene, frames, answers):
    """Which track ids each object of the scene had, and which objects each track id was."""
    of_object, of_track = {}, {}
    for frame, tracks in zip(frames, answers, strict=True):
        truth = scene.truth(frame.index)
        overlap = iou(tracks.xyxy, truth.xyxy)
        for row, best in enumerate(overlap.argmax(1) if len(tracks) else []):
            if overlap[row, best] > 0.25:
                of_object.setdefault(int(truth.id[best]), set()).add(int(tracks.id[row]))
                of_track.setdefault(int(tracks.id[row]), set()).add(int(truth.id[best]))
    return of_object, of_track


@pytest.mark.parametrize("engine", ["lk-flow", "kalman"])
@pytest.mark.parametrize("every", [1, 5])
def test_everybody_in_sight_keeps_one_id_and_a_box_on_every_frame(
    scene, frames, perfect, engine, every
):
    answers = tracked(MotPipeline(perfect, engine, every), frames)
    of_object, of_track = identities(scene, frames, answers)
    assert of_object == {1: {1}, 2: {2}, 3: {3}}
    assert of_track == {1: {1}, 2: {2}, 3: {3}}
    overlaps = []
    for frame, tracks in zip(frames, answers, strict=True):
        assert tracks.id.tolist() == [1, 2, 3]
        truth = scene.truth(frame.index)
        assert truth.id.tolist() == [1, 2, 3]
        overlaps.append(np.diag(iou(tracks.xyxy, truth.xyxy)))
    assert np.mean(overlaps) > (0.99 if every == 1 else 0.8)
    assert np.min(overlaps) > (0.99 if every == 1 else 0.4)


@pytest.mark.parametrize("every", [1, 5])
def test_who_comes_later_gets_an_id_of_their_own(every):
    scene = street(22, size=(320, 240), frames=75, walkers=4, vehicles=0, cyclists=0, pan=1)
    scene = scene.only({2, 3, 4})
    frames = list(scene)
    answers = tracked(MotPipeline(exact(scene), "lk-flow", every), frames)
    of_object, of_track = identities(scene, frames, answers)
    assert of_object == {4: {1}, 2: {2}, 3: {3}}
    assert of_track == {1: {4}, 2: {2}, 3: {3}}
    assert [tracks.id.tolist() for tracks in answers[::30]] == [[1], [1, 2], [1, 2, 3]]
    shown = np.array([len(tracks) for tracks in answers])
    assert (np.diff(shown) >= 0).all()


@pytest.mark.parametrize("every", [1, 3, 5, 100])
def test_the_detector_is_called_on_every_kth_frame_only(frames, perfect, every):
    detector, calls = noticing(perfect)
    tracked(MotPipeline(detector, "hold", every), frames[:17])
    assert calls == list(range(0, 17, every))


def test_a_box_is_marked_detected_on_detector_frames_only(scene, frames, perfect):
    for frame, tracks in zip(
        frames, tracked(MotPipeline(perfect, "lk-flow", 4), frames), strict=True
    ):
        if frame.index % 4:
            assert not tracks.detected.any()
        else:
            assert tracks.detected.all()
            assert np.array_equal(tracks.xyxy, perfect(frame).xyxy)


def test_a_track_that_the_detector_missed_is_not_marked_detected(frames, scene):
    detector = exact(scene)

    def without_second(frame):
        found = detector(frame)
        return found[[0, 2]] if frame.index == 20 else found

    answers = tracked(MotPipeline(without_second, "lk-flow", 2), frames[:25])
    assert answers[20].id.tolist() == [1, 2, 3]
    assert answers[20].detected.tolist() == [True, False, True]
    assert answers[22].id.tolist() == [1, 2, 3]
    assert answers[22].detected.all()


def test_the_order_of_detections_does_not_change_who_is_who(frames, perfect):
    def shuffled(frame):
        found = perfect(frame)
        return found[np.random.default_rng(frame.index + 1).permutation(len(found))]

    first = {tuple(b): i for b, i in zip(shuffled(frames[0]).xyxy, (1, 2, 3), strict=True)}
    names = [first[tuple(box)] for box in perfect(frames[0]).xyxy]
    straight = tracked(MotPipeline(perfect, "lk-flow", 3), frames[:30])
    mixed = tracked(MotPipeline(shuffled, "lk-flow", 3), frames[:30])
    for a, b in zip(straight, mixed, strict=True):
        for row, name in zip(range(3), names, strict=True):
            assert np.array_equal(a.xyxy[row], b.xyxy[b.id == name][0])


@pytest.mark.parametrize("engine", engine_names())
def test_a_run_is_repeatable_bit_for_bit(scene, frames, engine, same_film):
    engine = contract_engine(engine)
    noisy = NoisyDetector(scene, seed=3, recall=0.8, false_positives=0.3)
    first = tracked(MotPipeline(noisy, engine, 3), frames[:40])
    assert same_film(first, tracked(MotPipeline(noisy, engine, 3), frames[:40]))
    assert sum(map(len, first)) > 60


@pytest.mark.parametrize("shared", [False, True], ids=["an engine each", "one engine"])
@pytest.mark.parametrize("engine", engine_names())
def test_two_pipelines_side_by_side_are_two_pipelines_apart(
    scene, frames, engine, shared, same_film
):
    one = contract_engine(engine)
    two = one if shared else contract_engine(engine)
    detectors = [NoisyDetector(scene, seed=seed, recall=0.8) for seed in (1, 2)]
    apart = [
        tracked(MotPipeline(detector, contract_engine(engine), k), frames[:40])
        for detector, k in zip(detectors, (3, 4), strict=True)
    ]
    engines = zip(detectors, (one, two), (3, 4), strict=True)
    trackers = [MotPipeline(d, e, k) for d, e, k in engines]
    together = [[], []]
    for frame in frames[:40]:
        for tracker, answers in zip(trackers, together, strict=True):
            answers.append(tracker.step(frame))
    assert same_film(apart[0], together[0])
    assert same_film(apart[1], together[1])


def test_run_gives_each_frame_with_what_step_would_answer(frames, perfect, same_film):
    stepped = tracked(MotPipeline(perfect, "lk-flow", 5), frames[:20])
    pairs = list(MotPipeline(perfect, "lk-flow", 5).run(frames[:20]))
    assert [frame is given for (frame, _), given in zip(pairs, frames, strict=False)] == [True] * 20
    assert same_film([tracks for _, tracks in pairs], stepped)


def test_run_reads_one_frame_at_a_time():
    read = []

    def source():
        for frame in blanks(9):
            read.append(frame.index)
            yield frame

    answers = MotPipeline(always(BOX), "hold").run(source())
    assert isinstance(answers, GeneratorType)
    assert read == []
    for i in range(4):
        frame, tracks = next(answers)
        assert frame.index == i
        assert len(tracks) == 1
        assert read == list(range(i + 1))


def test_answers_stay_as_they_were_given(frames, perfect):
    tracker = MotPipeline(perfect, "hold", 5)
    answers = tracked(tracker, frames[:8])
    copies = [tracks.xyxy.copy() for tracks in answers]
    answers[7].xyxy[:] = 0
    later = tracker.step(frames[8])
    assert np.array_equal(later.xyxy, copies[7])
    for tracks, copy in zip(answers[:7], copies, strict=False):
        assert np.array_equal(tracks.xyxy, copy)


def test_a_detector_may_change_its_answer_afterwards():
    found = Detections.of([BOX])
    tracker = MotPipeline(lambda frame: found, "hold", 5)
    first = tracker.step(blanks(1)[0])
    found.xyxy[:] += 50
    assert first.xyxy.tolist() == [BOX]
    assert tracker.step(blanks(2)[1]).xyxy.tolist() == [BOX]


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
def test_a_callable_may_answer_in_other_libraries_shapes(answer):
    tracker = MotPipeline(lambda frame: answer([BOX, OTHER]), "hold", 2)
    first, second = tracked(tracker, blanks(2))
    assert first.xyxy.tolist() == second.xyxy.tolist() == [BOX, OTHER]
    assert first.class_id.tolist() == [2, 2]
    assert first.score.tolist() == [0.5, 0.5]


def broken(detector, *on):
    def call(frame):
        if frame.index in on:
            raise ConnectionError("camera server is gone")
        return detector(frame)

    return call


def test_a_detector_that_fails_ends_the_run_with_frame_and_cause(frames, perfect):
    tracker = MotPipeline(broken(perfect, 6), "hold", 2)
    tracked(tracker, frames[:6])
    with pytest.raises(
        InputError, match=r"failed on frame 6 \(ConnectionError: camera server is gone\); to go on"
    ) as caught:
        tracker.step(frames[6])
    assert isinstance(caught.value.__cause__, ConnectionError)
    assert tracker.detector_errors == []


def test_a_detector_may_fail_where_the_engine_is_to_coast(scene, frames, perfect):
    config = PipelineConfig(on_detector_error="coast")
    tracker = MotPipeline(broken(perfect, 10, 15), "lk-flow", 5, config=config)
    answers = tracked(tracker, frames[:31])
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
    tracker = MotPipeline(broken(always(BOX), 0), "hold", 3, config=config)
    assert [len(tracks) for tracks in tracked(tracker, blanks(5))] == [0, 0, 0, 1, 1]


def test_an_answer_that_is_no_detections_is_the_detectors_failure():
    with pytest.raises(InputError, match=r"failed on frame 0 \(a detector must return Detections"):
        MotPipeline(lambda frame: 7, "hold").step(blanks(1)[0])
    tracker = MotPipeline(
        lambda frame: None, "hold", config=PipelineConfig(on_detector_error="coast")
    )
    assert len(tracker.step(blanks(1)[0])) == 0
    assert len(tracker.detector_errors) == 1


def test_interrupting_a_detector_is_no_failure_of_it():
    def interrupted(frame):
        raise KeyboardInterrupt

    config = PipelineConfig(on_detector_error="coast")
    with pytest.raises(KeyboardInterrupt):
        MotPipeline(interrupted, "hold", config=config).step(blanks(1)[0])


def test_boxes_that_cannot_be_tracked_are_dropped_and_counted():
    bad = [
        [np.nan, 0, 5, 5],
        [0, 0, np.inf, 5],
        [40, 10, 10, 60],
        [5, 5, 5, 50],
        [-90, -90, -10, -10],
        [200, 10, 240, 60],
    ]
    tracker = MotPipeline(always(*bad[:3], BOX, *bad[3:]), "lk-flow", 2)
    answers = tracked(tracker, blanks(4))
    assert tracker.dropped_boxes == 12
    assert all(tracks.xyxy.tolist() == [BOX] for tracks in answers)
    assert all(tracks.id.tolist() == [1] for tracks in answers)


def test_a_confidence_that_is_no_number_drops_its_box():
    tracker = MotPipeline(always(BOX, OTHER, confidence=[np.nan, 1.0]), "hold")
    assert tracker.step(blanks(1)[0]).xyxy.tolist() == [OTHER]
    assert tracker.dropped_boxes == 1


def test_bare_arrays_are_numbered_and_timed_by_the_frame_rate():
    given = []

    def detector(frame):
        given.append((frame.index, frame.timestamp))
        return Detections.empty()

    tracker = MotPipeline(detector, "hold", 2, frame_rate=10.0)
    pairs = list(tracker.run([BLANK] * 5))
    assert given == [(0, 0.0), (2, 0.2), (4, 0.4)]
    assert [(frame.index, frame.timestamp) for frame, _ in pairs] == [(i, i / 10) for i in range(5)]


def test_bare_arrays_are_tracked_as_frames_of_the_same_time(frames, perfect, same_film):
    bare = MotPipeline(perfect, "lk-flow", 3, frame_rate=25.0)
    timed = MotPipeline(perfect, "lk-flow", 3)
    assert same_film(
        tracked(bare, [frame.image for frame in frames[:20]]), tracked(timed, frames[:20])
    )


@pytest.mark.parametrize("bad", [np.zeros((9, 9), np.uint8), np.zeros((9, 9, 3)), "film.mp4"])
def test_what_is_no_frame_is_refused(bad):
    with pytest.raises((InputError, TypeError), match=r"BGR uint8|[Tt]ype-check"):
        MotPipeline(always(BOX), "hold").step(bad)


def test_a_video_without_any_object():
    detector, calls = noticing(always())
    answers = tracked(MotPipeline(detector, "lk-flow", 2), blanks(6))
    assert all(isinstance(tracks, Tracks) and len(tracks) == 0 for tracks in answers)
    assert calls == [0, 2, 4]


@pytest.mark.parametrize("engine", WITHOUT_A_NETWORK)
def test_objects_may_all_leave_and_others_come(engine):
    def detector(frame):
        return Detections.of([BOX] if frame.index < 50 else [OTHER] if frame.index > 150 else [])

    answers = tracked(MotPipeline(detector, engine, 5), blanks(200))
    assert answers[40].id.tolist() == [1]
    assert len(answers[149]) == 0
    (last,) = answers[199].id.tolist()
    assert last > 1
    assert answers[199].xyxy.tolist()[0] == pytest.approx(OTHER, abs=0.5)


@dataclass(frozen=True, kw_only=True)
class Seldom:
    """Detects on these frames, and whenever a target's score falls below ``least``."""

    frames: tuple[int, ...]
    least: float

    def due(self, frame: Frame, motion: Motion) -> bool:
        return frame.index in self.frames or bool((motion.scores < self.least).any())


def test_a_scheduler_of_ones_own_sees_frame_and_motion():
    detector, calls = noticing(always(BOX))
    tracked(MotPipeline(detector, "hold", Seldom(frames=(2,), least=0.75)), blanks(20))
    assert calls == [2, 8, 14]


@dataclass(frozen=True, kw_only=True, eq=False)
class DriftTargets(Targets):
    frames: np.ndarray


class Drift:
    """What another package might bring: the three methods of the contract and no more."""

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
    engine = Drift()
    assert isinstance(engine, MotionEngine)
    assert not isinstance(engine, Refreshes)
    tracker = MotPipeline(always(BOX, OTHER), engine, 4)
    answers = tracked(tracker, blanks(10))
    for i, tracks in enumerate(answers):
        assert tracks.id.tolist() == [1, 2]
        assert tracks.xyxy.tolist() == (np.array([BOX, OTHER]) + i % 4).tolist()
        assert tracks.score.tolist() == ([0.75, 0.75] if i % 4 else [1, 1])
    assert tracker.targets.frames.tolist() == [1, 1]


def test_the_engines_targets_stay_row_by_row_with_the_trajectories(scene, frames):
    tracker = MotPipeline(NoisyDetector(scene, seed=5, recall=0.6, false_positives=1.0), Drift(), 2)
    for frame in frames:
        tracker.step(frame)
        table = tracker.lifecycle.trajectories
        assert len(tracker.targets) == len(table)
        assert np.array_equal(tracker.targets.boxes, table.boxes)
        assert len(set(table.id)) == len(table)


def test_targets_that_leave_between_detector_calls_take_no_others_with_them():
    leaving = [130.0, 10.0, 155.0, 60.0]
    tracker = MotPipeline(always(leaving, BOX), Drift(), 100)
    for i, frame in enumerate(blanks(40)):
        tracks = tracker.step(frame)
        assert tracker.targets.boxes.tolist() == tracker.lifecycle.trajectories.boxes.tolist()
        assert tracks.xyxy[tracks.id == 2].tolist() == [(np.array(BOX) + i).tolist()]
    assert tracks.id.tolist() == [2]


def test_inertia_finds_a_moving_target_again_that_the_engine_left_behind():
    def detector(frame):
        shift = 3.0 * frame.index
        box = [BOX[0] + shift, BOX[1], BOX[2] + shift, BOX[3]]
        return Detections.of([] if 15 <= frame.index < 30 else [box])

    answers = tracked(MotPipeline(detector, "hold", 1), blanks(36))
    assert len(answers[29]) == 0
    assert answers[35].id.tolist() == [1]
    assert answers[35].detected.all()


class Magnet(Drift):
    """An engine that takes a hidden target for what hides it: each box goes to the nearest seen."""

    def __init__(self, seen):
        self.seen = seen

    def track(self, observation, targets):
        seen = np.array(self.seen(observation.index), np.float32)
        shift = np.abs(targets.boxes[:, None] - seen).sum(2)
        boxes = seen[shift.argmin(1)] if len(targets) else targets.boxes
        motion = Motion(boxes=boxes, scores=np.full(len(boxes), 0.9, np.float32))
        return DriftTargets(boxes=boxes, frames=targets.frames), motion


def test_an_engine_on_each_targets_own_course_is_not_doubted_in_a_crowd():
    assert mistakable(Drift())
    assert [name for name in engine_names() if not mistakable(contract_engine(name))] == ["kalman"]
    close = [[40.0, 10.0, 70.0, 60.0], [50.0, 10.0, 80.0, 60.0]]
    found = Detections.of([[45.0, 10.0, 75.0, 60.0]])
    fits = []
    for says in (True, False):
        engine = Drift()
        engine.mistakable = says
        tracker = MotPipeline(always(*close), engine, 1)
        tracked(tracker, blanks(3))
        far = np.add(close, [9, 0, 9, 0]).astype(np.float32)
        motion = Motion(boxes=far, scores=np.ones(2, np.float32))
        fits.append(tracker._affinity(motion, found, 3 / 25))
    assert (fits[0] > fits[1] + 0.05).any()


@pytest.mark.parametrize("every", [1, 3])
def test_who_passes_behind_another_comes_out_with_his_own_id(every):
    def walkers(index):
        return [[x, 10.0, x + 30, 60.0] for x in (120 - 2.0 * index, 3.0 * index)]

    def seen(index):
        back, front = walkers(index)
        return [front] if abs(front[0] - back[0]) < 15 else [back, front]

    def ends(**settings):
        config = PipelineConfig(lifecycle=LifecycleConfig(**settings))
        tracker = MotPipeline(
            lambda frame: Detections.of(walkers(frame.index)), Magnet(seen), every, config=config
        )
        *_, last = tracked(tracker, blanks(40))
        return dict(zip(last.id.tolist(), last.xyxy.tolist(), strict=True))

    back, front = walkers(39)
    assert ends() == {1: back, 2: front}
    assert ends(crowded=2.0) != {1: back, 2: front}  # without the rule they are mistaken


def test_a_known_target_chooses_its_detection_before_a_newcomer_does():
    def beside(shift):
        return [BOX[0] + shift, BOX[1], BOX[2] + shift, BOX[3]]

    story = [[BOX], [BOX, beside(20.5)], [beside(13.0)]]
    tracker = MotPipeline(lambda frame: Detections.of(story[frame.index]), "hold", 1)
    answers = tracked(tracker, blanks(3))
    assert len(tracker.lifecycle.trajectories) >= 1
    assert answers[2].id.tolist() == [1]
    assert answers[2].xyxy.tolist() == [beside(13.0)]
    assert answers[2].detected.tolist() == [True]


def test_settings_reach_the_lifecycle():
    config = PipelineConfig(lifecycle=LifecycleConfig(beta=0.5))
    tracker = MotPipeline(always(BOX, OTHER, confidence=[0.4, 0.6]), "hold", config=config)
    assert tracker.step(blanks(1)[0]).xyxy.tolist() == [OTHER]


def test_the_stages_of_a_run_are_timed():
    times = iter(range(10**6))
    timer = StageTimer(lambda: float(next(times)))
    tracked(MotPipeline(always(BOX), "hold", 4, timer=timer), blanks(8))
    assert timer.calls == {"motion": 8 + 2, "detect": 2, "associate": 8}
    assert timer.total == 20


def test_the_seconds_of_a_failed_detector_count():
    timer = StageTimer()
    with pytest.raises(InputError):
        MotPipeline(broken(always(), 0), "hold", timer=timer).step(blanks(1)[0])
    assert timer.calls == {"motion": 1, "detect": 1}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"engine": "kalmann"}, "did you mean 'kalman'"),
        ({"detect_every": 0}, "--detect-every must be 1 or more, got 0"),
        ({"detector": 7}, "a detector is a callable"),
    ],
)
def test_options_that_cannot_be_are_refused_at_once(options, message):
    with pytest.raises((UsageError, TypeError), match=f"{message}|[Tt]ype-check"):
        MotPipeline(**{"detector": always(BOX), "engine": "hold", **options})

"""Several videos in a loop: each gives what it gives alone, whatever the others do."""

import threading

import numpy as np
import pytest

from helpers.engine_runs import contract_engine
from helpers.pipelines.shared import BatchDetector
from helpers.synthetic import render
from mvot_pipelines import MotPipeline, MultiPipeline
from mvot_pipelines.streams import multi_pipeline
from mvot_plugin.errors import UsageError
from mvot_plugin.types import Detections
from mvot_synthetic import NoisyDetector, street

SIZES = {"door": (160, 120), "yard": (200, 150), "gate": (120, 160)}
FRAMES, EVERY = 20, 4


@pytest.fixture(scope="module")
def scenes():
    """A street for each video, of different sizes and lengths."""
    counts = dict(zip(SIZES, (FRAMES, FRAMES - 6, FRAMES - 3), strict=True))
    return {
        name: street(seed, size=size, frames=counts[name], walkers=3, vehicles=0, cyclists=0)
        for seed, (name, size) in enumerate(SIZES.items())
    }


@pytest.fixture(scope="module")
def detect(scenes):
    """A detector for all videos, which misses objects and finds false ones."""
    detectors = {SIZES[name]: NoisyDetector(scene, seed=1) for name, scene in scenes.items()}
    return lambda frame: detectors[frame.size](frame)


def steps(scenes):
    """The frames of each step: "gate" joins on the fourth, "yard" stands still for three."""
    videos = {name: iter(render(scene)) for name, scene in scenes.items()}
    for number in range(FRAMES):
        names = ["yard", "door", "gate"] if number >= 4 else ["yard", "door"]
        if 6 <= number < 9:
            names.remove("yard")
        found = {name: next(videos[name], None) for name in names}
        yield {name: frame for name, frame in found.items() if frame is not None}


def run_alone(scene, detector, engine, **options):
    tracker = MotPipeline(detector, engine, EVERY, **options)
    return [tracker.step(frame) for frame in render(scene)]


@pytest.mark.parametrize(
    ("engine", "threads"), [("hold", 1), ("kalman", 2), ("lk-flow", None), ("nanotrack", None)]
)
def test_each_video_gives_bit_for_bit_what_it_gives_alone(
    scenes, detect, engine, threads, is_identical
):
    engine = contract_engine(engine)
    found = {name: [] for name in scenes}
    with MultiPipeline(detect, engine, EVERY, threads=threads) as tracker:
        for frames in steps(scenes):
            tracks = tracker.step(frames)
            assert list(tracks) == list(frames)
            for name in tracks:
                found[name].append(tracks[name])
        calls = {name: tracker[name].detector_calls for name in tracker.names}
    assert {name: len(answers) for name, answers in found.items()} == {
        "door": 20, "yard": 14, "gate": 16,
    }  # fmt: skip
    assert calls == {"door": 5, "yard": 4, "gate": 4}
    for name, scene in scenes.items():
        alone = run_alone(scene, detect, engine)[: len(found[name])]
        assert sum(map(len, alone)) > 10
        assert is_identical(found[name], alone), name


@pytest.fixture
def patience(monkeypatch):
    """Batches wait for the frames of a step, however busy the machine is."""
    monkeypatch.setattr(multi_pipeline, "_PATIENCE", 30.0)


def test_frames_of_a_step_are_detected_in_one_batch(patience):
    detector, image = BatchDetector(), np.zeros((120, 160, 3), np.uint8)
    with MultiPipeline(detector, "hold", 5) as tracker:
        for _ in range(11):
            tracker.step(dict.fromkeys("abc", image))
        tracker.step({"a": image, "d": image})
    assert detector.batches == [[0] * 3, [5] * 3, [10] * 3]
    assert detector.frames[-1] == 0


def test_a_batch_is_no_larger_than_it_may_be(patience):
    detector, image = BatchDetector(), np.zeros((120, 160, 3), np.uint8)
    with MultiPipeline(detector, "hold", 1, batch=2) as tracker:
        tracker.step(dict.fromkeys("abcdef", image))
    assert [len(batch) for batch in detector.batches] == [2, 2, 2]


def test_more_videos_than_threads_are_stepped():
    names, image = [f"cam{n}" for n in range(100)], np.zeros((120, 160, 3), np.uint8)
    detector = BatchDetector()
    with MultiPipeline(detector, "hold", 2) as tracker:
        for _ in range(2):
            assert list(tracker.step(dict.fromkeys(names, image))) == names
    assert len(detector.frames) == 100


def test_detections_of_your_own_are_pushed_by_name(scenes, detect, is_identical):
    found = {name: [] for name in scenes}
    with MultiPipeline(engine="lk-flow") as tracker:
        for frames in steps(scenes):
            due = {name: detect(f) for name, f in frames.items() if f.index % EVERY == 0}
            for name, tracks in tracker.update(frames, due).items():
                found[name].append(tracks)
        with pytest.raises(UsageError, match="there is no image of 'attic', which has detections"):
            tracker.update(frames, {"attic": []})
        with pytest.raises(UsageError, match="there is no image of 'attic', which has detections"):
            tracker.update(frames, timestamps={"attic": 1.0})
    for name, scene in scenes.items():
        assert is_identical(found[name], run_alone(scene, detect, "lk-flow")[: len(found[name])])


def test_timestamps_are_given_by_name_or_follow_each_videos_own_rate():
    image = np.zeros((120, 160, 3), np.uint8)
    with MultiPipeline(engine="hold", frame_rate={"a": 10.0, "b": 50.0}) as tracker:
        for number in range(3):
            tracker.update(dict.fromkeys("abc", image), timestamps={"c": 7.0 + number})
        times = {name: tracker[name].tracker.frame.timestamp for name in "abc"}
    assert times == pytest.approx({"a": 0.2, "b": 0.04, "c": 2.0})
    with MultiPipeline(engine="hold", frame_rate=5.0) as tracker:
        for _ in range(3):
            tracker.update(dict.fromkeys("ab", image))
        assert {tracker[name].tracker.frame.timestamp for name in "ab"} == {0.4}


def test_an_embedder_of_others_is_never_called_by_two_threads_at_once(scenes, detect):
    lock, calls = threading.Lock(), []

    def embed(frame, boxes):
        assert lock.acquire(blocking=False), "two threads at once"
        try:
            calls.append(threading.current_thread().name)
            threading.Event().wait(0.002)
            return np.ones((len(boxes), 4), np.float32)
        finally:
            lock.release()

    videos = {name: render(scene) for name, scene in scenes.items()}
    with MultiPipeline(engine="hold", embedder=embed) as tracker:
        for number in range(10):
            frames = {name: frames[number] for name, frames in videos.items()}
            tracker.update(frames, {name: detect(frame) for name, frame in frames.items()})
    assert len(calls) >= 20
    assert len(set(calls)) > 1


def test_boxes_of_one_video_are_none_of_another():
    image, other = np.zeros((120, 160, 3), np.uint8), np.zeros((60, 80, 3), np.uint8)

    def detect(frame):
        return Detections.of([[10, 10, 40, 60]] if frame.size == (160, 120) else [])

    with MultiPipeline(detect, "hold", 1) as tracker:
        for _ in range(4):
            tracks = tracker.step({"a": image, "b": other})
    assert [len(tracks["a"]), len(tracks["b"])] == [1, 0]

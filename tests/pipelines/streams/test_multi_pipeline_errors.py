"""Several videos in a loop: failures of one, names that go and come, the end."""

import threading

import numpy as np
import pytest

from helpers.pipelines import BOX, OTHER
from helpers.pipelines.shared import BatchDetector
from helpers.threads import find_threads
from mvot_pipelines import MultiPipeline, PipelineConfig, StreamError
from mvot_pipelines.scheduling import EveryK
from mvot_plugin.errors import InputError, UsageError
from mvot_plugin.types import Detections, Frame

IMAGE = np.zeros((120, 160, 3), np.uint8)
SMALL = np.zeros((60, 80, 3), np.uint8)


def detect_box(frame):
    return Detections.of([BOX])


def fail_on_small(frame):
    if frame.size == (80, 60):
        raise ConnectionError("gone")
    return detect_box(frame)


class NoBatches(BatchDetector):
    """One that takes batches, and fails with those of several frames."""

    def detect_batch(self, frames):
        raise MemoryError("too many")


class BadSecondFrame(BatchDetector):
    """One that fails on its second frame of a batch, and again on that alone."""

    def __call__(self, frame: Frame):
        if frame.image is SECOND:
            raise ConnectionError("gone")
        return super().__call__(frame)


SECOND = IMAGE.copy()


@pytest.mark.parametrize("second", [SMALL, SECOND])
def test_a_video_that_fails_leaves_the_others_and_their_tracks_alone(second):
    detector = fail_on_small if second is SMALL else BadSecondFrame()
    with MultiPipeline(detector, "hold", 1) as tracker:
        with pytest.raises(StreamError, match=r"^b: the detector failed on frame 0 \(Conn") as info:
            tracker.step({"a": IMAGE, "b": second, "c": IMAGE})
        assert list(info.value.errors) == ["b"]
        assert isinstance(info.value.errors["b"], InputError)
        assert list(info.value.tracks) == ["a", "c"]
        assert [len(tracks) for tracks in info.value.tracks.values()] == [1, 1]


def test_a_detector_that_fails_with_batches_is_called_frame_by_frame():
    detector = NoBatches()
    with MultiPipeline(detector, "hold", 1) as tracker:
        assert [len(tracks) for tracks in tracker.step(dict.fromkeys("abc", IMAGE)).values()] == [
            1
        ] * 3
    assert detector.frames == [0] * 3


def test_all_videos_that_fail_are_named():
    with (
        MultiPipeline(fail_on_small, "hold", 1) as tracker,
        pytest.raises(StreamError, match=r"b: the detector failed .*; c: the detector failed "),
    ):
        tracker.step({"a": IMAGE, "b": SMALL, "c": SMALL})


def test_an_image_that_is_none_fails_its_video_only():
    with MultiPipeline(detect_box, "hold", 1) as tracker:
        with pytest.raises(StreamError, match=r"^b: ") as info:
            tracker.step({"a": IMAGE, "b": IMAGE[..., 0], "c": IMAGE * 1.0})
        assert list(info.value.errors) == ["b", "c"]
        assert len(info.value.tracks["a"]) == 1
        assert len(tracker.step({"a": IMAGE, "b": IMAGE})["b"]) == 1


def test_failures_may_be_coasted_over():
    config = PipelineConfig(on_detector_error="coast")
    with MultiPipeline(fail_on_small, "hold", 1, config=config) as tracker:
        tracks = tracker.step({"a": IMAGE, "b": SMALL})
        assert [len(tracks["a"]), len(tracks["b"])] == [1, 0]
        assert (tracker["a"].detector_failures, tracker["b"].detector_failures) == (0, 1)


def test_a_detector_that_ends_the_interpreter_has_failed_on_its_video():
    def leave(frame):
        raise SystemExit(0) if frame.size == (80, 60) else ConnectionError

    with MultiPipeline(leave, "hold", 1) as tracker, pytest.raises(StreamError) as info:
        tracker.step({"a": IMAGE, "b": SMALL})
    assert list(info.value.errors) == ["a", "b"]


def test_a_video_that_is_removed_begins_anew_under_its_name():
    found = iter([[BOX, OTHER], [[60, 90, 80, 110]]])
    with MultiPipeline(lambda frame: Detections.of(next(found)), "hold", 1) as tracker:
        assert tracker.step({"a": IMAGE})["a"].id.tolist() == [1, 2]
        tracker.remove("a")
        assert tracker.names == []
        assert tracker.step({"a": IMAGE})["a"].id.tolist() == [1]
        assert tracker["a"].steps == 1
        with pytest.raises(UsageError, match="unknown video 'b': choose from a"):
            tracker.remove("b")


def test_a_callable_makes_the_scheduler_of_each_video():
    made, calls = [], []

    def build():
        made.append(EveryK(k=3))
        return made[-1]

    def detect(frame):
        calls.append(frame.index)
        return detect_box(frame)

    with MultiPipeline(detect, "hold", build) as tracker:
        for _ in range(4):
            tracker.step({"a": IMAGE, "b": IMAGE})
        assert tracker["a"].scheduler is not tracker["b"].scheduler
        assert {id(tracker[name].scheduler) for name in "ab"} < set(map(id, made))
    assert sorted(calls) == [0, 0, 3, 3]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"detect_every": 0}, "--detect-every must be 1 or more"),
        ({"engine": "lk-flaw"}, "unknown engine 'lk-flaw'"),
        ({"detector": "no-such.onnx"}, "no-such.onnx"),
        ({"embedder": "colors"}, "colors"),
        ({"threads": 0}, "--threads"),
    ],
)
def test_settings_that_are_none_are_refused_at_once(arguments, message):
    before = threading.active_count()
    with pytest.raises((UsageError, InputError), match=message):
        MultiPipeline(**{"detector": detect_box, "engine": "hold", **arguments})
    assert threading.active_count() == before


def test_pushed_detections_and_a_detector_exclude_each_other():
    with MultiPipeline(detect_box, "hold") as tracker:
        with pytest.raises(UsageError, match="takes your own detections: leave detector out"):
            tracker.update({"a": IMAGE}, {"a": []})
        assert len(tracker.update({"a": IMAGE})["a"]) == 0
        tracker.step({"a": IMAGE})
    with (
        MultiPipeline(engine="hold") as tracker,
        pytest.raises(StreamError, match="this pipeline has no detector"),
    ):
        tracker.step({"a": IMAGE})


def test_closing_twice_is_nothing_and_ends_the_threads():
    before = len(find_threads("detector", "stream"))
    tracker = MultiPipeline(detect_box, "hold", 1)
    tracker.step({"a": IMAGE, "b": IMAGE})
    tracker.close()
    tracker.close()
    assert len(find_threads("detector", "stream")) == before
    with pytest.raises(UsageError, match="this MultiPipeline is closed"):
        tracker.step({"a": IMAGE})


def test_a_step_without_images_is_nothing():
    with MultiPipeline(detect_box, "hold", 1) as tracker:
        assert tracker.step({}) == {}
        assert tracker.update({}) == {}

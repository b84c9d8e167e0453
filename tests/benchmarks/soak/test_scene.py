"""The video of the soak, its detector, and the worker that answers late."""

import numpy as np

from mvot_benchmarks.soak.detector import GlitchingDetector, SometimesLateWorker
from mvot_benchmarks.soak.scene import SIZE, soak_frames
from mvot_pipelines.detection import Answer
from mvot_plugin.types import Detections


def test_the_same_seed_makes_the_same_frames():
    for one, two in zip(soak_frames(60, 3), soak_frames(60, 3), strict=True):
        assert np.array_equal(one.frame.image, two.frame.image)
        assert np.array_equal(one.boxes, two.boxes)
    (other,) = soak_frames(1, 4)
    (first,) = soak_frames(1, 3)
    assert not np.array_equal(first.frame.image, other.frame.image)


def test_targets_come_and_go_from_none_to_many_and_are_in_the_picture():
    counts = []
    for shown in soak_frames(500, 0):
        centres = (shown.boxes[:, :2] + shown.boxes[:, 2:]) / 2
        assert ((centres > 0) & (centres < SIZE)).all()
        counts.append(len(shown.boxes))
    assert min(counts) == 0
    assert max(counts) == 16
    assert np.abs(np.diff(counts)).max() > 5


def test_every_kind_of_glitch_comes_and_most_calls_are_good():
    detector, answers = GlitchingDetector(0), []
    for shown in soak_frames(160, 0):
        detector.show(shown)
        try:
            answers.append(detector(shown.frame))
        except RuntimeError:
            answers.append(None)
    found = [answer for answer in answers if answer is not None]
    assert answers.count(None) == 160 // 23
    assert sum(len(answer) == 200 for answer in found) == 2
    assert sum(not np.isfinite(answer.xyxy).all() for answer in found) == 5
    assert sum(len(answer) > 0 for answer in found) > 80


def test_answers_come_at_once_or_some_frames_late():
    worker = SometimesLateWorker(lambda frame: Answer(detections=Detections.empty()), seed=0)
    waits = []
    for shown in soak_frames(60, 0):
        worker.submit(shown.frame)
        assert not worker.is_free
        waits.append(0)
        while worker.collect() is None:
            waits[-1] += 1
        assert worker.is_free
        assert worker.collect() is None
    assert set(waits) == set(range(7))

"""The caller is the scheduler: detections are pushed, or not."""

import numpy as np
import pytest

from helpers.engine_runs import contract_engine
from helpers.pipelines import BOX, OTHER, blank_frames, constant_detector
from helpers.pipelines.workers import lagging
from helpers.properties import assert_same
from helpers.synthetic import render
from mvot_pipelines.pipeline import MotPipeline
from mvot_pipelines.scheduling import Adaptive
from mvot_plugin.errors import InputError, UsageError
from mvot_synthetic import NoisyDetector, street


@pytest.fixture(scope="module")
def scene():
    return street(5, size=(320, 240), frames=40, walkers=6, vehicles=1, cyclists=1)


@pytest.mark.parametrize("engine", ["lk-flow", "siammotion-n"])
def test_pushed_detections_give_the_tracks_of_a_detector_every_k(scene, engine):
    engine = contract_engine(engine)
    noisy = NoisyDetector(scene, seed=3, recall=0.8, false_positives=0.3)
    pulled, pushed = MotPipeline(noisy, engine, 5), MotPipeline(engine=engine)
    count = 0
    for frame in render(scene):
        detections = noisy(frame) if frame.index % 5 == 0 else None
        tracks = pushed.update(frame, detections)
        assert_same(pulled.step(frame), tracks)
        count += len(tracks)
    assert count > 100


def test_nothing_found_is_not_the_same_as_not_looked():
    answers = {}
    for name, later in (("not looked", None), ("nothing found", [])):
        pipeline = MotPipeline(engine="hold")
        frames = blank_frames(12)
        pipeline.update(frames[0], [BOX])
        pipeline.update(frames[1], [BOX])
        answers[name] = [len(pipeline.update(frame, later)) for frame in frames[2:]]
    assert answers["not looked"] == [1] * 10
    assert answers["nothing found"][-1] == 0


def test_images_are_numbered_and_timed_by_the_caller():
    pipeline = MotPipeline(engine="hold", frame_rate=10.0)
    image = blank_frames(1)[0].image
    pipeline.update(image, [BOX])
    assert pipeline.tracker.frame.timestamp == 0
    pipeline.update(image, timestamp=0.7)
    assert (pipeline.tracker.frame.timestamp, pipeline.tracker.frame.index) == (0.7, 1)


def test_class_names_are_those_of_the_pipeline():
    pipeline = MotPipeline(engine="hold", class_names={2: "car"})
    tracks = pipeline.update(blank_frames(1)[0], np.array([[*BOX, 0.9, 2]]))
    assert tracks.to_dicts()[0]["class"] == "car"


def test_what_is_wrong_with_pushed_detections_is_said_before_anything_moves():
    pipeline = MotPipeline(engine="hold")
    frames = blank_frames(3)
    pipeline.update(frames[0], [BOX])
    with pytest.raises(InputError):
        pipeline.update(frames[1], "boxes")
    assert pipeline.steps == 1
    assert pipeline.update(frames[1], [OTHER, BOX]).detection_index.tolist() == [1]


def test_a_pipeline_without_a_detector_cannot_detect():
    with pytest.raises(InputError, match="has no detector: give it one, or bring your detections"):
        MotPipeline(engine="hold").step(blank_frames(1)[0])


def test_detections_cannot_be_pushed_beside_a_detector_of_its_own_thread():
    with (
        MotPipeline(constant_detector(BOX), "hold", asynchronous=True) as pipeline,
        pytest.raises(UsageError, match="leave asynchronous out"),
    ):
        pipeline.update(blank_frames(1)[0], [BOX])


@pytest.mark.parametrize("options", [{}, {"asynchronous": lagging(3)}], ids=["waits", "late"])
def test_after_a_reset_a_pipeline_is_as_new(scene, options):
    def build():
        noisy = NoisyDetector(scene, seed=3, recall=0.8, false_positives=0.3)
        return MotPipeline(noisy, "lk-flow", Adaptive(every=4), **options)

    with build() as fresh, build() as used:
        frames = render(scene)
        for frame in frames[:18]:
            used.step(frame)
        used.reset()
        assert used.steps == used.detector_calls == 0
        answers = [(fresh.step(frame), used.step(frame)) for frame in frames]
        ids = [tracks.id.max(initial=0) for _, tracks in answers]
        assert 0 < max(ids) < 40
        if not options:
            for one, other in answers:
                assert_same(one, other)

"""A pipeline that is pickled or copied goes on bit for bit, with every engine, in any process."""

import copy
import pickle
import subprocess
import sys
import threading

import pytest

from helpers.engine_runs import CONTRACT_NAMES, contract_engine
from helpers.pipelines import BOX, blank_frames, constant_detector
from helpers.properties import assert_same
from mvot_pipelines.pipeline import MotPipeline
from mvot_pipelines.scheduling import Adaptive
from mvot_plugin.detectors import load_detector
from mvot_plugin.engines import load_engine
from mvot_plugin.errors import InputError, UsageError
from mvot_plugin.runtimes.files import shipped_graphs
from mvot_plugin.runtimes.graph import Graph
from mvot_synthetic import NoisyDetector

CONTINUE = """
import pickle, sys
pipeline, frames, path = pickle.load(open(sys.argv[1], "rb"))
pickle.dump([pipeline.step(frame) for frame in frames], open(path, "wb"))
"""


def continue_elsewhere(pipeline, frames, folder):
    """The tracks of a pipeline that goes on in a process of its own."""
    saved, answers = folder / "saved", folder / "answers"
    saved.write_bytes(pickle.dumps((pipeline, frames, str(answers))))
    subprocess.run([sys.executable, "-c", CONTINUE, saved], check=True)
    return pickle.loads(answers.read_bytes())


def assert_all_same(answers, others):
    assert len(answers) == len(others) > 0
    for one, other in zip(answers, others, strict=True):
        assert_same(one, other)


def track(pipeline, frames):
    return [pipeline.step(frame) for frame in frames]


@pytest.mark.parametrize("name", [name for name in CONTRACT_NAMES if "graphs" not in name])
def test_a_pipeline_goes_on_as_it_would_have(scene, frames, name):
    pipeline = MotPipeline(NoisyDetector(scene, seed=3), contract_engine(name), Adaptive(every=3))
    track(pipeline, frames[:5])
    pickled, copied = pickle.loads(pickle.dumps(pipeline)), copy.deepcopy(pipeline)
    expected = track(pipeline, frames[5:9])
    assert sum(map(len, expected)) >= 4
    assert_all_same(track(pickled, frames[5:9]), expected)
    assert_all_same(track(copied, frames[5:9]), expected)


@pytest.mark.parametrize("name", ["lk-flow", "siammotion-n", "siammt"])
def test_a_pipeline_goes_on_in_another_process(scene, frames, name, tmp_path):
    """The engines stand for those without a network, of graphs and of torch."""
    as_graphs = name == "siammotion-n"
    engine = load_engine(name, threads=1) if as_graphs else contract_engine(name)
    pipeline = MotPipeline(NoisyDetector(scene, seed=3), engine, 3)
    track(pipeline, frames[:5])
    found = continue_elsewhere(pipeline, frames[5:9], tmp_path)
    assert_all_same(found, track(pipeline, frames[5:9]))


def test_the_packaged_detector_is_saved_with_the_pipeline(frames, tmp_path):
    pipeline = MotPipeline(load_detector("packaged", threads=1), "kalman", 2)
    track(pipeline, frames[:3])
    found = continue_elsewhere(pipeline, frames[3:6], tmp_path)
    assert_all_same(found, track(pipeline, frames[3:6]))


def test_a_copy_is_independent():
    pipeline = MotPipeline(constant_detector(BOX), "hold", 2)
    track(pipeline, blank_frames(3))
    copied = copy.deepcopy(pipeline)
    track(pipeline, blank_frames(50)[3:])
    assert (copied.steps, copied.detector_calls) == (3, 2)


@pytest.mark.parametrize("kind", ["thread", "process"])
def test_a_pipeline_whose_detector_runs_beside_it_says_that_it_cannot_be_saved(kind):
    with MotPipeline("packaged", "hold", asynchronous=kind) as pipeline:
        for save in (pickle.dumps, copy.deepcopy):
            with pytest.raises(UsageError, match="beside the tracker cannot be pickled or copied"):
                save(pipeline)


def test_graphs_that_have_gone_are_named(tmp_path):
    path = tmp_path / "gone.onnx"
    path.write_bytes((shipped_graphs("siammt") / "features.onnx").read_bytes())
    saved = pickle.dumps(Graph(path, threads=1))
    path.unlink()
    with pytest.raises(InputError, match=r"gone\.onnx: there is no such file"):
        pickle.loads(saved)


def test_what_cannot_be_saved_is_named_by_python():
    lock = threading.Lock()

    def detect(frame):
        return lock

    with pytest.raises((AttributeError, pickle.PicklingError), match="detect"):
        pickle.dumps(MotPipeline(detect, "hold"))

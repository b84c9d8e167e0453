"""The same input gives the same bytes; docs/how-it-works/determinism.md says what is promised.

The gate checks some engines; ``HYPOTHESIS_PROFILE=thorough`` all of them, in every way.
"""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from helpers.engine_runs import CONTRACT_NAMES, contract_engine
from helpers.pipelines.videos import write_street
from helpers.properties import assert_same, is_thorough
from mvot_pipelines.config import RunConfig
from mvot_pipelines.pipeline import MotPipeline
from mvot_pipelines.runner import run
from mvot_plugin.engines import engine_names, load_engine
from mvot_synthetic import NoisyDetector

OUTPUTS = {"--save-txt": "a.txt", "--save-jsonl": "a.jsonl", "--save-video": "a.mp4"}
OTHER_DAY = """
import sys, time
for name in ("time", "monotonic", "perf_counter"):
    read = getattr(time, name)
    setattr(time, name, lambda read=read: read() + 86400 * 1000.5)
"""
COMMAND = "import sys; from mvot_pipelines.cli import main; sys.exit(main(sys.argv[1:]))"
ELSEWHERE = {
    "TZ": "Asia/Kathmandu",
    "LC_ALL": "C",
    "LANG": "C",
    "PYTHONHASHSEED": "7",
    "COLUMNS": "40",
    "OMP_NUM_THREADS": "1",
}
WAYS = {
    "again": {},
    "two threads": {"threads": 2},
    "four threads": {"threads": 4},
    "another day and place": {"code": OTHER_DAY, "environment": ELSEWHERE},
}
engines = engine_names() if is_thorough() else ["lk-flow"]
engines = [name for name in engines if name != "nanotrack"]
"""NanoTrack's weights are not ours to ship; its contract tests use graphs of their own."""
small = CONTRACT_NAMES if is_thorough() else ["lk-flow", "siammt by graphs"]


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """A folder with a video of a street and detections of it."""
    folder = tmp_path_factory.mktemp("clip")
    write_street(folder, frames=16)
    return folder


def start(clip, engine, folder, threads=1, code="", environment=None):
    """Start ``mvot-run`` in a process of its own, with every output."""
    folder.mkdir(parents=True)
    outputs = [text for option, name in OUTPUTS.items() for text in (option, str(folder / name))]
    arguments = ["--engine", engine, "--device", "cpu", "--threads", str(threads), "--quiet"]
    arguments += ["--detections", str(clip / "det.txt"), *outputs]
    command = [sys.executable, "-c", code + COMMAND, str(clip / "street.avi"), *arguments]
    return subprocess.Popen(command, env={**os.environ, **(environment or {})})


def read(folder):
    return {name: (folder / name).read_bytes() for name in OUTPUTS.values()}


def finish(process, folder):
    assert process.wait(300) == 0
    return read(folder)


@pytest.fixture(scope="module", params=engines)
def known(request, clip, tmp_path_factory):
    """An engine, and what a run with it on one thread writes."""
    folder = tmp_path_factory.mktemp("known") / "out"
    return request.param, finish(start(clip, request.param, folder), folder)


@pytest.mark.parametrize(
    "way", WAYS if is_thorough() else ["four threads", "another day and place"]
)
def test_a_run_writes_the_same_bytes(clip, known, way, tmp_path):
    engine, expected = known
    folder = tmp_path / "out"
    found = finish(start(clip, engine, folder, **WAYS[way]), folder)
    assert len(expected["a.txt"]) > 500
    assert [name for name in expected if found[name] != expected[name]] == []


def test_two_runs_at_once_write_the_same_bytes(clip, known, tmp_path):
    engine, expected = known
    folders = [tmp_path / name for name in ("one", "two")]
    with ExitStack() as stack:
        runs = [stack.enter_context(start(clip, engine, folder)) for folder in folders]
    for process, folder in zip(runs, folders, strict=True):
        assert finish(process, folder) == expected


def test_a_run_after_another_one_in_a_process_writes_the_same_bytes(clip, known, tmp_path):
    engine, expected = known
    for number, (name, every) in enumerate([("kalman", 2), (engine, 5)]):
        (folder := tmp_path / str(number)).mkdir()
        outputs = {
            option.removeprefix("--").replace("-", "_"): str(folder / file)
            for option, file in OUTPUTS.items()
        }
        source = {"source": str(clip / "street.avi"), "detections": str(clip / "det.txt")}
        settings = {"engine": name, "detect_every": every, "device": "cpu", "threads": 1}
        assert run(RunConfig(**source, **outputs, **settings, quiet=True)).error is None
    assert read(tmp_path / "1") == expected


def track_all(detector, engine, frames):
    pipeline = MotPipeline(detector, engine, 3)
    return [pipeline.step(frame) for frame in frames]


@pytest.mark.parametrize("shared", [False, True], ids=["nothing shared", "engine, detector shared"])
@pytest.mark.parametrize("name", small)
def test_two_pipelines_in_two_threads_track_as_alone(scene, frames, name, shared):
    seen = frames[: 40 if is_thorough() else 12]
    detector, engine = NoisyDetector(scene, seed=3), contract_engine(name)
    expected = track_all(detector, engine, seen)
    parts = [
        (detector, engine) if shared else (NoisyDetector(scene, seed=3), contract_engine(name))
        for _ in range(2)
    ]
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda part: track_all(*part, seen), parts))
    for found in answers:
        for one, other in zip(found, expected, strict=True):
            assert_same(one, other)


@pytest.mark.parametrize("name", ["siammotion-n", "siammt"])
def test_graphs_give_the_same_tracks_on_any_number_of_threads(scene, frames, name):
    detector, seen = NoisyDetector(scene, seed=3), frames[: 20 if is_thorough() else 4]
    one, *others = (
        track_all(detector, load_engine(name, device="cpu", threads=threads), seen)
        for threads in (1, 2, 4)
    )
    for found in others:
        for tracks, expected in zip(found, one, strict=True):
            assert_same(tracks, expected)

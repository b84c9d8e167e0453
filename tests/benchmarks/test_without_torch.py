"""`mvot-bench` for engines that run without torch."""

import json
import subprocess
import sys
import time

import pytest

from helpers.benchmarks.moving_sequence import write_sequence
from helpers.paths import ROOT
from mvot_benchmarks.cli import main
from mvot_benchmarks.reporting import results
from mvot_benchmarks.scaling import measurement
from mvot_benchmarks.scaling.measurement import ScalingBenchmark, choose_clock, read_frames
from mvot_plugin.errors import UsageError
from mvot_plugin.threads import usable_threads
from mvot_plugin.timing import stage

WITHOUT_TORCH = """\
import json, sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("torch", "torchvision", "ultralytics"):
            raise ModuleNotFoundError(f"No module named {name!r}")

sys.meta_path.insert(0, Missing())
from mvot_benchmarks.cli import main

for arguments in json.loads(sys.argv[1]):
    assert main(arguments) == 0, arguments
"""
"""Runs commands where torch and what needs it cannot be imported."""
ABLATION = ROOT / "benchmarks" / "results" / "ablation.json"


def test_all_commands_run_without_torch(tmp_path):
    sequence, k = str(write_sequence(tmp_path / "MOVES")), ("--detect-every", "3")
    engines = "--engine", "hold", "kalman", "lk-flow"
    scaling = "--size", "160x128", "--targets", "2", "--frames", "1"
    commands = {
        "vot": [sequence, *engines],
        "mot": [sequence, *engines, *k],
        "rt": [sequence, *engines, *k, "--fps", "10", "--detector-ms", "1"],
        "peers": [sequence, *engines, *k],
        "scaling": [*engines, *scaling],
        "overhead": ["--targets", "2", *k],
    }
    files = {name: str(tmp_path / f"{name}.json") for name in commands}
    calls = [[name, *options, "--json", files[name]] for name, options in commands.items()]
    calls.append(["report", *files.values(), str(ABLATION), "--output", str(tmp_path / "report")])
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH, json.dumps(calls)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    for name in commands:
        stored = json.loads((tmp_path / f"{name}.json").read_text())
        environment = stored["environment"]
        assert (environment["device"], environment["threads"]) == ("cpu", usable_threads())
        assert len(stored["rows"]) >= (1 if name == "overhead" else 3)
    assert "| all parts |" in (tmp_path / "report" / "report.md").read_text()


def test_the_file_says_how_many_threads_were_given_and_which_runtime(tmp_path):
    file, sequence = tmp_path / "vot.json", str(write_sequence(tmp_path / "MOVES"))
    options = "--engine", "lk-flow", "--threads", "1", "--runtime", "onnx"
    assert main(["vot", sequence, *options, "--json", str(file)]) == 0
    stored = json.loads(file.read_text())
    assert (stored["environment"]["threads"], stored["settings"]["runtime"]) == (1, "onnx")


@pytest.mark.parametrize(
    ("option", "message"),
    [
        (("--threads", "0"), "--threads must be 1 or more, got 0"),
        (("--runtime", "onx"), "unknown runtime 'onx': did you mean 'onnx'?"),
    ],
)
def test_threads_and_runtime_are_checked(tmp_path, capsys, option, message):
    sequence = str(write_sequence(tmp_path / "MOVES"))
    assert main(["vot", sequence, "--engine", "hold", *option]) == 2
    assert message in capsys.readouterr().err


def test_a_device_other_than_the_cpu_needs_torch(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    assert results.describe_environment("auto")["device"] == "cpu"
    with pytest.raises(UsageError, match="device 'cuda' needs torch: pip install"):
        results.describe_environment("cuda")


def test_the_versions_of_packages_that_are_not_installed_are_none(monkeypatch):
    def version(name):
        if name == "torch":
            raise results.metadata.PackageNotFoundError(name)
        return "1.0"

    monkeypatch.setattr(results.metadata, "version", version)
    packages = results.describe_environment("cpu")["packages"]
    assert (packages["torch"], packages["onnxruntime"]) == (None, "1.0")


def test_the_clock_is_pythons_where_no_engine_has_imported_torch(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    assert choose_clock("auto") is choose_clock("cuda") is time.perf_counter
    monkeypatch.delitem(sys.modules, "torch")
    assert choose_clock("auto") is time.perf_counter


def test_the_clock_is_that_of_the_device_that_engines_with_torch_run_on(monkeypatch):
    devices, clock = pytest.importorskip("mvot_plugin.runtimes.devices"), lambda: 0.0
    monkeypatch.setattr(devices, "choose_device", lambda name: f"chosen {name}")
    monkeypatch.setattr(devices, "device_clock", {"chosen cuda:1": clock}.__getitem__)
    assert choose_clock("cuda:1") is clock
    assert choose_clock("cpu") is measurement.time.perf_counter


class GraphEngine:
    """An engine with stages that has no network of torch."""

    stages = "backbone", "head", "unused"

    def observe(self, frame):
        with stage("backbone"):
            return sum(range(1000))

    def enroll(self, observation, boxes):
        return boxes

    def track(self, observation, targets):
        with stage("head"):
            return sorted(targets, key=sum), None


def test_the_stages_of_an_engine_without_torch_are_timed():
    frames = read_frames(None, (160, 128), 2)
    row = ScalingBenchmark({"graphs": GraphEngine()}).measure(frames, 3)["graphs"]
    assert tuple(row.stages) == GraphEngine.stages
    assert 0 < row.stages["backbone"] < row.observe
    assert 0 < row.stages["head"] < row.track
    assert row.stages["unused"] == 0

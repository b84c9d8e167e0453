"""What runs with the package's own dependencies alone: no torch, nothing of any extra."""

import importlib.util

import numpy as np
import pytest

from helpers.missing import HEAVY, run_without
from helpers.pipelines.mvot_run import FRAMES

RUN = "from mvot_pipelines.cli import main; sys.exit(main(sys.argv[1:]))"
OPTIONAL = tuple({*HEAVY} - {"onnx", "onnxruntime"})
"""Packages that only extras install."""


@pytest.mark.parametrize("name", HEAVY)
def test_the_packages_that_are_hidden_are_there(name):
    assert importlib.util.find_spec(name)


@pytest.mark.parametrize(
    ("engine", "needed"),
    [
        ("lk-flow", ()),
        ("hold", ()),
        ("kalman", ()),
        ("imsiam", ("onnxruntime",)),
        ("siamattn", ("onnxruntime",)),
        ("siammot-emm", ("onnxruntime",)),
        ("siammotion-n", ("onnxruntime",)),
        ("siammt", ("onnxruntime",)),
    ],
)
def test_a_run_from_detections_imports_nothing_heavy(videos, tmp_path, engine, needed):
    outputs = "--save-txt", tmp_path / "a.txt", "--save-video", tmp_path / "a.mp4"
    arguments = videos / "street.avi", "--detections", videos / "det.txt", "--engine", engine
    done = run_without(set(HEAVY) - {*needed}, RUN, *arguments, *outputs)
    assert (done.returncode, done.stderr) == (0, "")
    rows = np.loadtxt(tmp_path / "a.txt", delimiter=",", ndmin=2)
    assert set(rows[:, 0]) == set(range(1, FRAMES + 1))


def test_a_run_with_the_packaged_detector_needs_no_more_than_onnx_runtime(videos, tmp_path):
    arguments = videos / "street.avi", "--save-txt", tmp_path / "a.txt"
    done = run_without(set(HEAVY) - {"onnxruntime"}, RUN, *arguments)
    assert done.returncode == 0, done.stderr
    assert "ultralytics is not installed: the small detector" in done.stderr
    assert (tmp_path / "a.txt").read_text()


def test_help_settings_and_engines_need_no_extra():
    for option in ("--help", "--version", "--list-engines", "--print-config"):
        done = run_without(HEAVY, RUN, option)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout


@pytest.mark.parametrize(
    ("engine", "options"),
    [
        ("siammotion", ()),
        ("siamfc", ()),
        ("siammotion-n", ("--device", "cuda")),
        ("siammotion-n", ("--runtime", "torch")),
    ],
)
def test_an_engine_that_needs_torch_says_how_to_install_it(videos, engine, options):
    arguments = videos / "street.avi", "--detections", videos / "det.txt", "--engine", engine
    done = run_without(OPTIONAL, RUN, *arguments, *options)
    message = f"mvot-run: engine '{engine}' needs torch: pip install 'mvot-plugin[torch]'\n"
    assert (done.returncode, done.stderr) == (2, message)


def test_a_gpu_needs_torch(videos, tmp_path):
    arguments = videos / "street.avi", "--save-txt", tmp_path / "a.txt"
    done = run_without(OPTIONAL, RUN, *arguments, "--device", "cuda")
    message = "mvot-run: --device cuda needs torch: pip install 'mvot-plugin[torch]'\n"
    assert (done.returncode, done.stderr) == (2, message)
    assert not (tmp_path / "a.txt").exists()
    assert run_without(OPTIONAL, RUN, *arguments, "--device", "cpu").returncode == 0

"""What docs/contributing.md says of the code is true, and the code that it shows works."""

import ast
import os
import re
import subprocess
import sys
from importlib import import_module

import numpy as np
import pytest

from helpers.documents import DOCS, read_document
from helpers.engine_runs import load_foreign
from helpers.paths import ROOT
from mvot_pipelines import MotPipeline
from mvot_plugin import as_detections, load_detector
from mvot_plugin.embedders import embed_boxes, load_embedder
from mvot_plugin.ops.boxes import iou
from mvot_plugin.types import Frame

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PAGE = read_document(DOCS / "contributing.md")
FILES = {block.title: block.text for block in PAGE.blocks if block.title}
POINTS = [block.text for block in PAGE.blocks if "entry-points" in block.text]
TREES = {
    "mvot_plugin": "mvot_plugin",
    "mvot_synthetic": "synthetic/mvot_synthetic",
    "mvot_pipelines": "pipelines/mvot_pipelines",
    "mvot_benchmarks": "benchmarks/mvot_benchmarks",
    "mvot_training": "training/mvot_training",
}


@pytest.fixture
def package(tmp_path, monkeypatch):
    """The page's files in a folder, installed as its entry points say, and importable."""
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
        monkeypatch.delitem(sys.modules, name.removesuffix(".py"), raising=False)
    groups = [tomllib.loads(text)["project"]["entry-points"] for text in POINTS]
    groups.append({"mvot_plugin.detectors": {"bright": "bright_detector:load"}})
    lines = []
    for group, points in ((name, points) for one in groups for name, points in one.items()):
        lines += [f"[{group}]", *(f"{name} = {value}" for name, value in points.items())]
    info = tmp_path / "toys-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: toys\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n")
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def test_the_engine_of_the_page_passes_the_contract_tests(package):
    lines = [line for block in PAGE.blocks for line in block.text.splitlines()]
    (line,) = {line for line in lines if "MVOT_ENGINE=template " in line}
    paths = sorted(ROOT.glob(line.split()[-1]))
    assert len(paths) == 2
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *paths],
        env={**os.environ, "MVOT_ENGINE": "template", "PYTHONPATH": str(package)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    passed = re.search(r"(\d+) passed in", done.stdout.splitlines()[-1])
    assert int(passed[1]) > 40


def test_an_engine_of_a_module_is_tested_and_its_faults_are_found(package, request):
    text = FILES["template_engine.py"]
    (package / "faulty_engine.py").write_text(text.replace("targets.boxes.copy()", "targets.boxes"))
    contract = import_module("plugin.engines.test_contract_targets")
    given = [request.getfixturevalue(name) for name in ("moving_frames", "is_identical")]
    contract.test_targets_are_immutable_values("template_engine:load", *given)
    with pytest.raises(AssertionError):
        contract.test_targets_are_immutable_values("faulty_engine:load", *given)
    load_foreign.cache_clear()


def test_the_engine_of_the_page_runs_in_a_pipeline_by_its_name(package, scene, frames):
    pipeline = MotPipeline(lambda frame: scene.ground_truth(frame.index).xyxy, "template", 5)
    tracks = [pipeline.step(frame) for frame in frames[:12]]
    assert all(len(one) for one in tracks)
    estimated = tracks[9]
    assert not estimated.detected.any()
    assert (iou(estimated.xyxy, scene.ground_truth(9).xyxy).max(1) > 0.5).all()


def test_the_project_file_of_the_page_is_whole():
    project = tomllib.loads(FILES["pyproject.toml"])
    ((name, target),) = project["project"]["entry-points"]["mvot_plugin.engines"].items()
    module, _, function = target.partition(":")
    assert project["tool"]["setuptools"]["py-modules"] == [module]
    defined = {node.name for node in ast.parse(FILES[f"{module}.py"]).body if hasattr(node, "name")}
    assert function in defined
    assert any(f"--engine {name} " in block.text for block in PAGE.blocks)


def test_the_detector_of_the_page_detects(package):
    image = np.zeros((48, 64, 3), np.uint8)
    image[10:20, 30:50] = 255
    for detector in (load_detector(f"{package}/detect.py:detect"), load_detector("bright")):
        found = detector(Frame(image=image, index=0, timestamp=0.0))
        assert found.xyxy.tolist() == [[30, 10, 50, 20]]
    assert len(as_detections(import_module("detect").detect(np.zeros_like(image)))) == 0


def test_the_embedder_of_the_page_embeds(package):
    image = np.zeros((48, 64, 3), np.uint8)
    image[:, 32:] = 255
    frame = Frame(image=image, index=0, timestamp=0.0)
    boxes = np.array([[2, 2, 9, 9], [40, 2, 60, 9], [60, 40, 90, 90], [-9, -9, -2, -2]], np.float32)
    rows = embed_boxes(load_embedder("mean-colour"), frame, boxes)
    assert rows.shape == (4, 3)
    assert (np.sign(rows[:, 0]) == [-1, 1, 1, -1]).all()


def folders_of(top):
    """The folders of a tree that hold code or settings, without that of a page."""
    kept = (".py", ".yaml", ".safetensors")
    holding = {path.parent for path in (ROOT / top).rglob("*") if path.suffix in kept}
    return {f"{path.relative_to(ROOT).as_posix()}/" for path in holding if "__" not in path.name}


@pytest.mark.parametrize("package", TREES)
def test_the_map_names_every_folder_of_a_package(package):
    missing = folders_of(TREES[package]) - set(PAGE.inline)
    assert not missing


def test_the_map_names_the_folders_of_the_tests_that_are_of_no_package():
    packages = {name.removeprefix("mvot_") for name in TREES}
    folders = {path.name for path in (ROOT / "tests").iterdir() if path.is_dir()}
    named = {f"tests/{name}/" for name in folders - packages if "__" not in name}
    assert len(named) > 4
    assert not named - set(PAGE.inline)


def test_the_pointer_leads_to_the_page():
    pointer = read_document(ROOT / "CONTRIBUTING.md")
    assert len(pointer.text.splitlines()) < 15
    assert "docs/contributing.md" in pointer.links
    assert (ROOT / ".ci" / "run").is_file()

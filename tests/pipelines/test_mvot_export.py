import json
import subprocess
import sys

import numpy as np
import pytest

from helpers.paths import VAL
from mvot_pipelines.export import Agreement, compare_engines, main, read_frames
from mvot_plugin.engines import load_engine
from mvot_plugin.runtimes.files import DESCRIPTION
from mvot_plugin.types import Detections, Frame


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """The folder of graphs that the command wrote, and what it printed."""
    folder = tmp_path_factory.mktemp("export") / "new" / "graphs"
    command = [sys.executable, "-m", "mvot_pipelines.export", "siammotion-n", "--output"]
    done = subprocess.run([*command, str(folder)], capture_output=True, text=True, check=False)
    return folder, done


def test_graphs_are_written_and_agree_with_torch(exported):
    folder, done = exported
    assert (done.returncode, done.stderr) == (0, "")
    assert "px at most" in done.stdout
    names = {path.name for path in folder.iterdir()}
    assert names == {"features.onnx", "enroll.onnx", "compare.onnx", "predict.onnx", DESCRIPTION}
    description = json.loads((folder / DESCRIPTION).read_text())
    assert description["kind"] == "siammotion-n"
    assert description["record"]["licence"] == "Apache-2.0"


def test_exported_graphs_are_those_that_ship(exported):
    folder, _ = exported
    frames = np.random.default_rng(0).integers(0, 256, (2, 120, 160, 3), np.uint8)
    boxes = np.array([[40, 30, 80, 90], [90, 20, 130, 100]], np.float32)
    found = []
    for weights in (str(folder), "auto"):
        engine = load_engine("siammotion-n", weights, runtime="onnx")
        targets = engine.enroll(engine.observe(frames[0]), boxes)
        found.append(engine.track(engine.observe(frames[1]), targets)[1].boxes)
    assert np.array_equal(*found)


@pytest.mark.skipif(not VAL.is_dir(), reason="needs ../shared")
def test_graphs_and_torch_agree_on_real_frames(exported):
    folder, _ = exported

    agreement = compare_engines(
        "siammotion-n", "auto", folder, read_frames(str(VAL / "TUD-Campus"))
    )
    assert agreement.boxes > 50
    assert agreement.largest < 0.1


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["siammotoin-n"], 2, "did you mean 'siammotion-n'"),
        (["lk-flow"], 2, "engine 'lk-flow' has no weights of its own to export"),
        (["nanotrack"], 2, "engine 'nanotrack' has no weights of its own to export"),
        (["siammotion-n", "--weights", "random"], 2, "random weights are not worth an export"),
        (["siammotion-n", "--weights", "none.safetensors"], 1, "there is no such weights file"),
    ],
)
def test_what_cannot_be_exported_gets_a_sentence(arguments, code, message, tmp_path, capsys):
    assert main([*arguments, "--output", str(tmp_path / "graphs")]) == code
    printed = capsys.readouterr()
    assert message in printed.err
    assert printed.err.count("\n") == 1
    assert printed.out == ""


def test_graphs_that_disagree_are_an_error(exported, tmp_path, capsys, monkeypatch):
    disagreement = Agreement(boxes=3, mean=0.2, largest=0.4)
    monkeypatch.setattr("mvot_pipelines.export.compare_engines", lambda *_: disagreement)
    monkeypatch.setattr("mvot_pipelines.export.export_engine", lambda *_: None)
    assert main(["siammotion-n", "--output", str(exported[0])]) == 1
    assert "disagree with torch by more than 0.1 px" in capsys.readouterr().err


def test_nothing_to_compare_is_an_error(exported):
    image = np.zeros((90, 120, 3), np.uint8)
    frames = [(Frame(image=image, index=i, timestamp=i / 25), Detections.empty()) for i in range(3)]
    with pytest.raises(Exception, match="nothing is detected on the frames"):
        compare_engines("siammotion-n", "auto", exported[0], frames)

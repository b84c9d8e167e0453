"""Where models come from: nothing in the working directory is loaded that was not named."""

import hashlib
import os
import pickle
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from mvot_pipelines.cli import main
from mvot_plugin.detectors import load_detector, models
from mvot_plugin.detectors.models import find_model, may_run_code
from mvot_plugin.detectors.ultralytics import import_ultralytics, isolate_ultralytics
from mvot_plugin.errors import ExecutableModel, InputError

DANGEROUS_NAMES = ("yolo11n.pt", "yolo11n.yaml", "yolo11.yaml", "weights/yolo11n.pt", "yolo11s.pt")


class Touch:
    """Unpickling it makes a file."""

    def __reduce__(self):
        return Path.touch, (Path("code-ran").absolute(),)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An untrusted working directory, on a machine where every download is refused."""
    for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "here" / "weights").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "here")
    for name in DANGEROUS_NAMES:
        command = f"__import__('pathlib').Path({str(Path('code-ran').absolute())!r}).touch()"
        text = f"activation: {command}\nnc: 1\nbackbone: []\nhead: []\n"
        Path(name).write_bytes(text.encode() if "yaml" in name else pickle.dumps(Touch()))
    return tmp_path / "here"


@pytest.fixture
def library():
    with isolate_ultralytics():
        yield import_ultralytics()


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """The file of a model with random weights, whose only class is "cat"."""
    with isolate_ultralytics():
        network = import_ultralytics().YOLO("yolo11n.yaml").model
    network.names, network.args = {0: "cat"}, {"task": "detect", "imgsz": 64}
    path = tmp_path_factory.mktemp("model") / "model.pt"
    torch.save({"model": network.half(), "train_args": network.args}, path)
    return path


@pytest.mark.parametrize("name", ["auto", "ultralytics", None])
def test_nothing_in_the_folder_runs_that_was_not_named(folder, name):
    (folder / "images").mkdir()
    cv2.imwrite("images/1.png", np.zeros((48, 64, 3), np.uint8))
    main(["images", "--save-txt", "out.txt", *(["--detector", name] if name else [])])
    assert not Path("code-ran").exists()
    assert {str(p.relative_to(folder)) for p in folder.rglob("*.*")} <= {
        *DANGEROUS_NAMES, "images/1.png", "out.txt",
    }  # fmt: skip


@pytest.mark.parametrize("name", ["yolo11s", "yolo11n", "yolo11m.yaml"])
def test_a_name_that_is_not_that_of_a_file_in_the_folder_loads_none(folder, name):
    warnings.simplefilter("ignore", ExecutableModel)
    with pytest.raises(InputError, match="could not be found or downloaded"):
        load_detector(name)
    assert not Path("code-ran").exists()


def test_a_file_that_is_named_may_run_code_and_a_line_says_so_once(model, folder, capsys):
    (folder / "images").mkdir()
    cv2.imwrite("images/1.png", np.zeros((48, 64, 3), np.uint8))
    shutil.copy(model, "yolo11n.pt")
    assert main(["images", "--save-txt", "out.txt", "--detector", "yolo11n.pt"]) == 0
    written = capsys.readouterr()
    warning = (
        "loading yolo11n.pt may run code of whoever made it, as a .pt file is a pickle: take an "
        "ONNX file from those whom you do not trust"
    )
    assert written.err.count(warning) == 1
    assert f"note: {warning}" in written.out


@pytest.mark.parametrize("name", ["auto", "ultralytics", "yolo11n", "yolo11n.pt"])
def test_the_default_model_is_that_in_the_cache_with_the_content_that_is_known(
    model, folder, name, monkeypatch
):
    (folder / "yolo11n.pt").unlink()
    cached = folder.parent / "cache" / "mvot_plugin" / "ultralytics" / "yolo11n.pt"
    cached.parent.mkdir(parents=True)
    shutil.copy(model, cached)
    monkeypatch.setattr(models, "_SHA256", hashlib.sha256(model.read_bytes()).hexdigest())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert load_detector(name, device="cpu").names == {0: "cat"}


@pytest.mark.usefixtures("folder")
def test_the_default_model_is_not_loaded_with_another_content(library, tmp_path):
    cached = tmp_path / "cache" / "mvot_plugin" / "ultralytics" / "yolo11n.pt"
    cached.parent.mkdir(parents=True)
    cached.write_bytes(pickle.dumps(Touch()))
    with pytest.raises(FileNotFoundError):
        find_model(library, None)


@pytest.mark.usefixtures("folder")
def test_published_models_are_downloaded_to_the_cache(library, tmp_path, monkeypatch):
    monkeypatch.setattr(models, "is_reachable", lambda host: True)
    found = find_model(library, "yolo11x")
    assert Path(found) == tmp_path / "cache" / "mvot_plugin" / "ultralytics" / "yolo11x.pt"


@pytest.mark.parametrize("place", ["yolo11s.pt", "yolo.pipe", "pipe.yaml"])
def test_a_model_that_is_a_pipe_is_refused(folder, place):
    path = folder / place
    path.unlink(missing_ok=True)
    os.mkfifo(path)
    warnings.simplefilter("ignore", ExecutableModel)
    with pytest.raises(InputError, match="is a folder or a device; give a model"):
        load_detector(str(path))


@pytest.mark.usefixtures("folder")
def test_a_name_that_no_file_can_have_gets_one_sentence():
    warnings.simplefilter("ignore", ExecutableModel)
    with pytest.raises(InputError, match="could not be found or downloaded"):
        load_detector("y" * 300 + ".pt")


def test_a_model_with_weights_that_are_not_finite_is_refused(model, tmp_path):
    content = torch.load(model, weights_only=False)
    next(content["model"].parameters()).data[0] = float("nan")
    torch.save(content, tmp_path / "nan.pt")
    warnings.simplefilter("ignore", ExecutableModel)
    with pytest.raises(InputError, match=r"its weights 'model\.0\.conv\.weight' are not finite"):
        load_detector(str(tmp_path / "nan.pt"))


@pytest.mark.usefixtures("folder")
def test_files_are_told_apart_by_whether_they_may_run_code(tmp_path):
    assert may_run_code("yolo11n.pt")
    assert may_run_code("yolo11n.yaml")
    assert may_run_code("yolo11l.pt")
    assert may_run_code("https://x.invalid/yolo11n.pt")
    assert not may_run_code("some.onnx")
    assert not may_run_code("yolo11s.yaml")
    Path("yolo11n.pt").unlink()
    assert not may_run_code("yolo11n.pt")


def test_the_packaged_detector_unpickles_nothing():
    code = (
        "import pickle, sys\n"
        "import numpy as np\n"
        "from mvot_plugin.detectors import load_detector\n"
        "from mvot_plugin.types import Frame\n"
        "def fail(*_, **__): raise AssertionError('unpickled')\n"
        "pickle.load = pickle.loads = pickle.Unpickler = fail\n"
        "image = np.zeros((48, 64, 3), np.uint8)\n"
        "load_detector('packaged')(Frame(image=image, index=0, timestamp=0.0))\n"
        "assert 'torch' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")

"""The packaged detector, and when ``auto`` uses it instead of ultralytics' default model."""

import hashlib
import json
import os
import socket
import subprocess
import sys
import time
import warnings

import cv2
import numpy as np
import pytest

from helpers.plugin.onnx_graphs import table_of, write_graph
from mvot_pipelines.cli import main
from mvot_plugin.detectors import load_detector, packaged
from mvot_plugin.detectors.packaged import is_reachable, packaged_model
from mvot_plugin.errors import ExecutableModel, FallbackDetector, InputError, UsageError
from mvot_plugin.types import Frame

BLANK = Frame(image=np.zeros((48, 64, 3), np.uint8), index=0, timestamp=0.0)
SHIPPED = packaged_model()


@pytest.fixture
def offline(tmp_path, monkeypatch):
    """A working directory and a package without models, where every download is refused."""
    monkeypatch.chdir(tmp_path)
    for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("YOLO_OFFLINE", raising=False)
    monkeypatch.setattr(packaged, "FOLDER", tmp_path / "pretrained")
    (tmp_path / "pretrained").mkdir()
    return tmp_path


@pytest.fixture
def with_model(offline):
    """The directory of ``offline``, in a package that has its model."""
    table = table_of(84, {1: [32.0, 32.0, 8.0, 8.0, 0.9, 0.0]}).transpose(0, 2, 1).copy()
    names = {"names": "{0: 'person', 1: 'dog'}", "task": "detect"}
    write_graph(offline / "pretrained" / "detector-n.onnx", {"output0": table}, metadata=names)
    return offline


@pytest.fixture
def no_ultralytics(monkeypatch):
    """Makes ultralytics unavailable."""
    monkeypatch.setitem(sys.modules, "ultralytics", None)


@pytest.fixture
def image_folder(offline):
    """Two blank images in the working directory; the folder's name."""
    (offline / "images").mkdir()
    for number in range(2):
        cv2.imwrite(str(offline / "images" / f"{number}.png"), BLANK.image)
    return "images"


def test_mvot_run_warns_and_uses_it_where_the_default_is_unavailable(
    with_model, image_folder, capsys
):
    assert main([image_folder, "--save-txt", "tracks.txt", "--device", "cpu", "--quiet"]) == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert err == (
        "mvot-run: warning: yolo11n.pt could not be downloaded: the small "
        "detector that comes with this package, detector-n, is used instead; name a better one "
        "with --detector\n"
    )
    assert (with_model / "tracks.txt").exists()


@pytest.mark.usefixtures("with_model")
def test_classes_are_those_of_the_packaged_detector(image_folder, capsys):
    outputs = ["--save-txt", "tracks.txt", "--overwrite", "--device", "cpu"]
    assert main([image_folder, *outputs, "--classes", "dog"]) == 0
    assert "is used instead" in capsys.readouterr().out
    assert main([image_folder, *outputs, "--classes", "boat"]) == 2
    err = capsys.readouterr().err
    assert "detector-n, is used instead" in err
    assert "unknown class 'boat': choose from dog, person" in err


@pytest.mark.usefixtures("with_model")
def test_it_loads_by_name_without_a_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        detector = load_detector("packaged", device="cpu", conf=0.5)
    assert detector.names == {0: "person", 1: "dog"}
    assert len(detector(BLANK)) == 1
    with pytest.warns(FallbackDetector, match=r"yolo11n\.pt could not be downloaded"):
        assert len(load_detector("auto", conf=0.5, threads=1)(BLANK)) == 1


@pytest.mark.usefixtures("with_model", "no_ultralytics")
def test_without_ultralytics_it_is_used_and_the_warning_says_how_to_get_a_better_one(
    image_folder, capsys
):
    assert main([image_folder, "--save-txt", "tracks.txt", "--quiet"]) == 0
    assert capsys.readouterr().err == (
        "mvot-run: warning: ultralytics is not installed: the small detector that comes with this "
        "package, detector-n, is used instead; for a better one, pip install 'mvot-plugin[yolo]', "
        "or name an ONNX file with --detector\n"
    )


@pytest.mark.usefixtures("with_model")
def test_ultralytics_is_not_replaced_where_it_is_asked_for(monkeypatch):
    with pytest.raises(InputError, match=r"'yolo11n\.pt' could not be found or downloaded"):
        load_detector("ultralytics")
    monkeypatch.setitem(sys.modules, "ultralytics", None)
    with pytest.raises(UsageError, match=r"needs ultralytics .*pip install 'mvot-plugin\[yolo\]'"):
        load_detector("ultralytics")


@pytest.mark.skipif(SHIPPED is None, reason="no detector is shipped")
def test_it_runs_without_torch_and_ultralytics():
    code = (
        "import sys\n"
        "sys.modules.update(torch=None, ultralytics=None, onnx=None)\n"
        "import numpy as np\n"
        "from mvot_plugin.detectors import load_detector\n"
        "from mvot_plugin.types import Frame\n"
        "image = np.zeros((48, 64, 3), np.uint8)\n"
        "load_detector('packaged')(Frame(image=image, index=0, timestamp=0.0))\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.usefixtures("offline")
def test_without_any_model_the_download_error_remains(image_folder, capsys):
    assert main([image_folder, "--save-txt", "tracks.txt"]) == 1
    assert "model 'yolo11n.pt' could not be found or downloaded" in capsys.readouterr().err
    with pytest.raises(InputError, match="has no detector; name another"):
        load_detector("packaged")


@pytest.mark.usefixtures("with_model")
def test_a_model_chosen_by_name_is_not_replaced():
    with (
        pytest.warns(ExecutableModel),
        pytest.raises(InputError, match=r"'yolo11s\.pt' could not be found or downloaded"),
    ):
        load_detector("yolo11s.pt")


@pytest.fixture
def no_proxy(monkeypatch):
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


@pytest.mark.usefixtures("no_proxy")
def test_reachability_is_decided_within_a_time_limit(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert is_reachable("127.0.0.1", port)
    assert not is_reachable("127.0.0.1", port)

    def silent(*_, **__):
        time.sleep(1)
        raise OSError

    monkeypatch.setattr(socket, "create_connection", silent)
    start = time.monotonic()
    assert not is_reachable("127.0.0.1", seconds=0.1)
    assert time.monotonic() - start < 1
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    assert is_reachable("127.0.0.1", seconds=0.1)


@pytest.mark.skipif(SHIPPED is None, reason="no detector is shipped")
def test_the_shipped_detector_matches_its_record():
    record = json.loads(SHIPPED.with_suffix(".json").read_text())
    assert record["sha256"] == hashlib.sha256(SHIPPED.read_bytes()).hexdigest()
    assert record["licence"].startswith("AGPL-3.0")
    detector = load_detector("packaged", device="cpu")
    assert tuple(detector.names.values()) == tuple(record["classes"])

"""The packaged detector, and when it replaces ultralytics' default model."""

import hashlib
import json
import os
import socket
import time
import warnings

import cv2
import numpy as np
import pytest
import torch

from mvot_pipelines.cli import main
from mvot_plugin.detectors import load_detector, packaged
from mvot_plugin.detectors.packaged import is_reachable, packaged_model
from mvot_plugin.detectors.ultralytics import import_ultralytics, isolate_ultralytics
from mvot_plugin.errors import FallbackDetector, InputError
from mvot_plugin.types import Frame

BLANK = Frame(image=np.zeros((48, 64, 3), np.uint8), index=0, timestamp=0.0)
SHIPPED = packaged_model()


@pytest.fixture(scope="module")
def model():
    """A network of random weights with two classes, as bytes of a .pt file."""
    with isolate_ultralytics():
        network = import_ultralytics().YOLO("yolo11n.yaml").model
    network.names = {0: "person", 1: "dog"}
    network.args = {"task": "detect", "imgsz": 64}
    return {"model": network.half(), "train_args": network.args}


@pytest.fixture
def offline(tmp_path, monkeypatch):
    """A working directory and a package without models, where every download is refused."""
    monkeypatch.chdir(tmp_path)
    for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("YOLO_OFFLINE", raising=False)
    monkeypatch.setattr(packaged, "FOLDER", tmp_path / "pretrained")
    (tmp_path / "pretrained").mkdir()
    return tmp_path


@pytest.fixture
def with_model(offline, model):
    torch.save(model, offline / "pretrained" / "detector-n.pt")
    return offline


@pytest.fixture
def film(offline):
    (offline / "film").mkdir()
    for number in range(2):
        cv2.imwrite(str(offline / "film" / f"{number}.png"), BLANK.image)
    return "film"


def test_mvot_run_uses_it_where_the_default_cannot_be_had_and_says_so(with_model, film, capsys):
    assert main([film, "--save-txt", "tracks.txt", "--device", "cpu", "--quiet"]) == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert err == (
        "mvot-run: warning: yolo11n.pt is not here and could not be downloaded: the small "
        "detector that comes with this package, detector-n, is used instead; name a better one "
        "with --detector\n"
    )
    assert (with_model / "tracks.txt").exists()


@pytest.mark.usefixtures("with_model")
def test_classes_are_those_of_the_one_that_is_used_instead(film, capsys):
    outputs = ["--save-txt", "tracks.txt", "--device", "cpu"]
    assert main([film, *outputs, "--classes", "dog"]) == 0
    assert "is used instead" in capsys.readouterr().out
    assert main([film, *outputs, "--classes", "boat"]) == 2
    err = capsys.readouterr().err
    assert "detector-n, is used instead" in err
    assert "unknown class 'boat': choose from dog, person" in err


@pytest.mark.usefixtures("with_model")
def test_it_can_be_asked_for_without_a_word():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        detector = load_detector("packaged", device="cpu", conf=0.0)
    assert detector.names == {0: "person", 1: "dog"}
    assert len(detector(BLANK)) > 0
    with pytest.warns(FallbackDetector, match=r"yolo11n\.pt is not here"):
        load_detector("ultralytics", device="cpu")


def test_the_default_model_goes_first_where_it_is(with_model, model):
    torch.save({**model, "model": model["model"]}, with_model / "yolo11n.pt")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load_detector("ultralytics", device="cpu")


@pytest.mark.usefixtures("offline")
def test_without_any_the_error_is_what_it_was(film, capsys):
    assert main([film, "--save-txt", "tracks.txt"]) == 1
    assert "model 'yolo11n.pt' could not be found or downloaded" in capsys.readouterr().err
    with pytest.raises(InputError, match="has no detector; name another"):
        load_detector("packaged")


@pytest.mark.usefixtures("with_model")
def test_a_model_that_was_named_is_not_replaced():
    with pytest.raises(InputError, match=r"'yolo11s\.pt' could not be found or downloaded"):
        load_detector("yolo11s.pt")


@pytest.fixture
def no_proxy(monkeypatch):
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


@pytest.mark.usefixtures("no_proxy")
def test_a_host_is_reachable_or_not_within_a_time(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert is_reachable("127.0.0.1", port)
    assert not is_reachable("127.0.0.1", port)

    def silent(*_, **__):
        time.sleep(1)
        raise OSError

    monkeypatch.setattr(socket, "create_connection", silent)
    begun = time.monotonic()
    assert not is_reachable("127.0.0.1", seconds=0.1)
    assert time.monotonic() - begun < 1
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    assert is_reachable("127.0.0.1", seconds=0.1)


@pytest.mark.skipif(SHIPPED is None, reason="no detector is shipped")
def test_the_shipped_detector_is_what_its_record_says():
    record = json.loads(SHIPPED.with_suffix(".json").read_text())
    assert record["sha256"] == hashlib.sha256(SHIPPED.read_bytes()).hexdigest()
    assert record["licence"].startswith("AGPL-3.0")
    detector = load_detector("packaged", device="cpu")
    assert tuple(detector.names.values()) == tuple(record["classes"])

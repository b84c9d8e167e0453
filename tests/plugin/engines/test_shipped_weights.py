"""The shipped weights: their total size, and the record of each."""

import hashlib
import json
from importlib.resources import files
from pathlib import Path

import pytest

FOLDER = Path(str(files("mvot_plugin"))) / "pretrained"
SHIPPED = sorted(path for path in FOLDER.iterdir() if path.suffix in (".onnx", ".safetensors"))
MIB = 2**20


def test_the_weights_fit_into_a_package():
    sizes = [path.stat().st_size for path in SHIPPED]
    assert len(sizes) >= 2
    assert max(sizes) <= 16 * MIB
    assert sum(sizes) <= 36 * MIB


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_each_weights_file_has_a_matching_record(path):
    record = json.loads(path.with_suffix(".json").read_text())
    assert record["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert record["licence"]
    assert record["data"]
    assert record["command"]
    assert record.get("results") or record["measured"]

"""What ships in the package besides code: small enough, and each with a record of its own."""

import hashlib
import json
from importlib.resources import files
from pathlib import Path

import pytest

FOLDER = Path(str(files("mvot_plugin"))) / "pretrained"
SHIPPED = sorted(path for path in FOLDER.iterdir() if path.suffix in (".pt", ".safetensors"))
MIB = 2**20


def test_all_of_it_fits_a_package():
    sizes = [path.stat().st_size for path in SHIPPED]
    assert len(sizes) >= 2
    assert max(sizes) <= 16 * MIB
    assert sum(sizes) <= 36 * MIB


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_each_has_a_record_of_just_this_file(path):
    record = json.loads(path.with_suffix(".json").read_text())
    assert record["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert record["licence"]
    assert record["data"]
    assert record["command"]
    assert record.get("results") or record["measured"]

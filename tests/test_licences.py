"""The package's licence metadata covers every weights file in it."""

import json
import re

import pytest

from helpers.paths import ROOT

PYPROJECT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
FOLDER = ROOT / "mvot_plugin" / "pretrained"
CONSTANTS = FOLDER / "nanotrack.json"
WEIGHTS = sorted(
    path
    for path in FOLDER.iterdir()
    if path.suffix in (".onnx", ".safetensors") or path == CONSTANTS
)


def licence_of(path):
    """The SPDX identifier in a weights file's record, or in that of constants."""
    record = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    return record.get("record", record)["licence"].split(",")[0]


@pytest.mark.parametrize("path", WEIGHTS, ids=lambda path: path.name)
def test_the_metadata_name_the_licence_of_each_weights_file(path):
    expression = re.search(r'^license = "(.*)"$', PYPROJECT, re.MULTILINE).group(1)
    assert licence_of(path) in expression.split(" AND ")
    table = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert re.search(rf"`{re.escape(path.name)}` .*\| {re.escape(licence_of(path))} \|", table)


def test_the_text_of_each_licence_ships():
    files = re.search(r"^license-files = (\[.*\])$", PYPROJECT, re.MULTILINE).group(1)
    assert json.loads(files) == ["LICENSE", "LICENSES/*.txt"]
    assert "Apache License" in (ROOT / "LICENSE").read_text(encoding="utf-8")
    agpl = (ROOT / "LICENSES" / "AGPL-3.0-only.txt").read_text(encoding="utf-8")
    assert "GNU AFFERO GENERAL PUBLIC LICENSE" in agpl

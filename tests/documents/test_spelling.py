"""The spelling of documents, docstrings and messages, and that it is British."""

import re
import subprocess
import sys
from importlib import resources

import pytest

from helpers.documents import list_documents
from helpers.paths import ROOT

IGNORED = "mot,ans,nd,siz,te,unparseable"
"""What codespell takes for mistakes, and is none."""
CHECKED = ("mvot_plugin", "synthetic", "pipelines", "benchmarks/mvot_benchmarks", "training")
ALSO_BRITISH = {
    *("license", "licensed", "licensing", "practice", "program", "programs", "meter", "meters"),
    *("check", "checks", "disk", "disks", "tire", "draft", "story", "stories", "fillet", "curb"),
    *("judgment", "artifact", "artifacts", "analog", "dialog", "install", "enroll", "enrolls"),
}
"""American spellings of one meaning that are British ones of another, or the house's own."""


def test_there_are_no_common_misspellings():
    files = [document.path for document in list_documents(history=True)]
    folders = [ROOT / name for name in (*CHECKED, "examples")]
    command = [sys.executable, "-m", "codespell_lib", f"--ignore-words-list={IGNORED}"]
    skip = "--skip=*.json,*.safetensors,*.onnx,*.png,*/fuzz/corpus/*,*.ipynb,__pycache__"
    done = subprocess.run(
        [*command, skip, *files, *folders], capture_output=True, text=True, check=False
    )
    assert not done.stdout, done.stdout
    assert done.returncode == 0, done.stderr


def read_american():
    """The American spellings that codespell's dictionary knows, and the British ones."""
    name = "data/dictionary_en-GB_to_en-US.txt"
    lines = (resources.files("codespell_lib") / name).read_text(encoding="utf-8").splitlines()
    pairs = (line.split("->") for line in lines if "->" in line)
    return {american.strip(): british for british, american in pairs if "," not in american}


@pytest.mark.parametrize("document", list_documents(), ids=lambda d: d.name)
def test_the_spelling_is_british(document):
    words = set(re.findall(r"[a-z]+", document.prose.lower()))
    american = read_american()
    found = words & (american.keys() - ALSO_BRITISH)
    assert not {word: american[word] for word in found}


def test_american_spellings_are_known():
    american = read_american()
    assert len(american) > 400
    assert american["color"] == "colour"
    assert american["recognized"] == "recognised"

"""The notebook of the documents runs without a network and without torch, and shows its results.

``MVOT_NOTEBOOK=write pytest tests/examples/test_notebook.py`` stores what it prints and draws now.
"""

import json
import os
import re
import shutil
import subprocess
import sys

import pytest

from helpers.paths import ROOT

NOTEBOOK = ROOT / "docs" / "notebook.ipynb"
KERNEL = {
    "argv": [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
    "display_name": "The Python of these tests",
    "language": "python",
}
GUARD = """\
import socket, sys

for name in ("torch", "torchvision", "ultralytics"):
    sys.modules[name] = None

def refuse(*_, **__):
    raise OSError("the notebook needs a network")

socket.getaddrinfo = socket.create_connection = refuse
"""
"""Runs in the kernel before the notebook."""
EXECUTE = """\
import sys
import nbformat
from nbclient import NotebookClient

notebook = nbformat.read(sys.argv[1], as_version=4)
settings = {"kernel_name": "tests", "record_timing": False, "coalesce_streams": True}
NotebookClient(notebook, timeout=1200, **settings).execute()
notebook.metadata.kernelspec = {"display_name": "Python 3", "language": "python", "name": "python3"}
notebook.metadata.language_info = {"name": "python"}
nbformat.write(notebook, sys.argv[2])
"""
SLACK = {"hold": 0.1, "lk-flow": 3.0, "siammotion-n": 3.0}
"""How far a score may be from the committed one, in percent: processors round differently, and a
change of identity weighs some percent in a scene as short as this."""
LARGEST = 700_000


def read(path):
    """The code cells of a notebook by their ids."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return {cell["id"]: cell for cell in cells if cell["cell_type"] == "code"}


def printed(cell):
    """What a cell printed."""
    return "".join("".join(one["text"]) for one in cell["outputs"] if "text" in one)


def scores(cells):
    """MOTA, IDF1 and HOTA by engine and k, as printed."""
    rows = re.findall(r"^(\S+) +(\d+)((?: +-?[\d.]+){3})$", printed(cells["scores"]), re.MULTILINE)
    return {(name, int(k)): tuple(map(float, numbers.split())) for name, k, numbers in rows}


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    """The code cells after a run in a kernel of this interpreter, in an empty folder."""
    folder = tmp_path_factory.mktemp("notebook")
    for name, text in (
        ("jupyter/kernels/tests/kernel.json", json.dumps(KERNEL)),
        ("ipython/profile_default/startup/guard.py", GUARD),
        ("empty/README", ""),
    ):
        path = folder / name
        path.parent.mkdir(parents=True)
        path.write_text(text, encoding="utf-8")
    places = {"JUPYTER_PATH": str(folder / "jupyter"), "IPYTHONDIR": str(folder / "ipython")}
    done = subprocess.run(
        [sys.executable, "-c", EXECUTE, str(NOTEBOOK), str(folder / "done.ipynb")],
        capture_output=True, text=True, timeout=1500, check=False,
        cwd=folder / "empty", env=os.environ | places,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    if os.environ.get("MVOT_NOTEBOOK") == "write":
        shutil.copyfile(folder / "done.ipynb", NOTEBOOK)
    return read(folder / "done.ipynb")


def test_no_cell_fails_or_warns(executed):
    for cell in executed.values():
        kinds = [output.get("name", output["output_type"]) for output in cell["outputs"]]
        assert not {"error", "stderr"} & set(kinds), cell["outputs"]


def test_an_engine_that_follows_is_better_than_boxes_that_stay(executed):
    found = scores(executed)
    assert len(found) == 15
    for lk_flow, hold in zip(found["lk-flow", 10], found["hold", 10], strict=True):
        assert lk_flow > hold + 5
    for engine in SLACK:
        mota = [found[engine, k][0] for k in (1, 5, 20)]
        assert mota == sorted(mota, reverse=True)
        assert 50 < mota[0] < 100


def test_the_committed_scores_are_those_of_the_code(executed):
    computed, committed = scores(executed), scores(read(NOTEBOOK))
    assert computed.keys() == committed.keys()
    for (engine, k), numbers in computed.items():
        assert numbers == pytest.approx(committed[engine, k], abs=SLACK[engine]), (engine, k)


def test_what_else_is_printed_is_committed(executed):
    committed = read(NOTEBOOK)
    assert committed.keys() == executed.keys()
    for name in ("street", "detector", "tracking"):
        assert printed(committed[name]) == printed(executed[name]) != ""


def test_the_committed_notebook_was_run_from_top_to_bottom():
    cells = list(read(NOTEBOOK).values())
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    pictures = [
        key for cell in cells for output in cell["outputs"] for key in output.get("data", ())
    ]
    assert pictures.count("image/jpeg") == 2
    text = NOTEBOOK.read_text(encoding="utf-8")
    assert len(text) < LARGEST
    without_pictures = re.sub(r'"image/jpeg": "[^"]*"', "", text)
    assert not re.search(r"/(work|home|root|tmp|Users)/", without_pictures)

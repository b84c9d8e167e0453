"""The structure of the tree: the order of the packages, and the sizes of folders and files."""

import ast
import subprocess
import sys

import pytest

from helpers.missing import HEAVY
from helpers.paths import ROOT

FOLDERS = {
    "mvot_plugin": "mvot_plugin",
    "mvot_synthetic": "synthetic/mvot_synthetic",
    "mvot_pipelines": "pipelines/mvot_pipelines",
    "mvot_benchmarks": "benchmarks/mvot_benchmarks",
    "mvot_training": "training/mvot_training",
}
"""The packages from the bottom up: each may import those before it, and no other."""
ORDER = list(FOLDERS)
MOST_MODULES, MOST_LINES = 12, 260


def imports(path):
    """The top-level packages that a file imports anywhere, or names as a module in a string."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or "").split(".")[0]
        elif isinstance(node, ast.Call):
            texts = (a.value for a in node.args if isinstance(a, ast.Constant))
            yield from (t.split(".")[0] for t in texts if isinstance(t, str) and "." in t)


@pytest.mark.parametrize("package", ORDER)
def test_no_package_imports_one_above_it(package):
    files = list((ROOT / FOLDERS[package]).rglob("*.py"))
    assert len(files) > 5
    above = set(ORDER[ORDER.index(package) + 1 :])
    for path in files:
        assert not above & set(imports(path)), path


@pytest.mark.parametrize("package", ORDER)
def test_no_package_imports_private_names_of_another(package):
    for path in (ROOT / FOLDERS[package]).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in ORDER:
                parts = [*node.module.split("."), *(alias.name for alias in node.names)]
                assert not [part for part in parts if part.startswith("_")], path


def test_no_folder_holds_more_than_a_dozen_modules():
    for top in (*FOLDERS.values(), "tests"):
        for folder in {path.parent for path in (ROOT / top).rglob("*.py")}:
            assert len(list(folder.glob("*.py"))) <= MOST_MODULES, folder


def test_no_file_is_too_long_to_read():
    for top in (*FOLDERS.values(), "tests"):
        for path in (ROOT / top).rglob("*.py"):
            assert len(path.read_text(encoding="utf-8").splitlines()) <= MOST_LINES, path


@pytest.mark.parametrize("package", ["mvot_plugin", "mvot_pipelines"])
def test_importing_loads_nothing_heavy(package):
    code = f"import sys, {package}; print(sorted({set(HEAVY)} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_mvot_run_needs_nothing_of_the_benchmarks_or_the_training():
    code = (
        "import sys\n"
        "for name in ('motmetrics', 'pandas', 'PIL', 'mvot_benchmarks', 'mvot_training'):\n"
        "    sys.modules[name] = None\n"
        "import mvot_pipelines.cli, mvot_pipelines.runner\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr

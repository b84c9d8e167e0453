"""What is released: wheel and source distribution are whole, agree on the version, and install."""

import importlib.util
import json
import os
import re
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest
import yaml

from helpers.paths import ROOT

PACKAGES = {
    "mvot_plugin": "mvot_plugin",
    "mvot_synthetic": "synthetic/mvot_synthetic",
    "mvot_pipelines": "pipelines/mvot_pipelines",
    "mvot_benchmarks": "benchmarks/mvot_benchmarks",
    "mvot_training": "training/mvot_training",
}
PYPROJECT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
VERSION = re.search(r'^version = "(.*)"$', PYPROJECT, re.MULTILINE).group(1)
COMMANDS = re.findall(r'^(mvot-\w+) = "mvot_\w+[.:]', PYPROJECT, re.MULTILINE)
RELEASE = re.search(
    r"^## (\S+), (\d{4}-\d\d-\d\d)$",
    (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"),
    re.MULTILINE,
)
"""The newest entry of the changelog: its version and its date."""
CITATION = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
UNWANTED = re.compile(
    r"^(shared|site|dist|build|demo|runs)/|\.(pyc|pyo|so|pt|log)$|(^|/)\.DS_Store$"
    r"|(^|/)(__pycache__|\.venv|\.git|\.hypothesis|\.\w+_cache|\.cache|\.ipynb_checkpoints)/"
)
"""What is made while one works, and other people's data."""


def run(*command, cwd=None, env=None):
    """Run a command, and return what it printed; it must not fail."""
    done = subprocess.run(
        list(map(str, command)),
        capture_output=True, text=True, timeout=600, check=False, cwd=cwd, env=env,
    )  # fmt: skip
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The folder of a source distribution, and of the wheel that was built from it."""
    folder = tmp_path_factory.mktemp("built")
    isolation = ["--no-isolation"] if importlib.util.find_spec("hatchling") else []
    run(sys.executable, "-m", "build", *isolation, "--outdir", folder, ROOT, cwd=folder)
    return folder


@pytest.fixture(scope="module")
def wheel(built):
    with zipfile.ZipFile(next(built.glob("*.whl"))) as archive:
        yield archive


@pytest.fixture(scope="module")
def sources(built):
    """The files of the source distribution, without its top folder."""
    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        return {name.partition("/")[2] for name in archive.getnames()}


@pytest.fixture(scope="module")
def installed(built, tmp_path_factory):
    """The folder of the commands of an environment with the wheel, and what it needs, in it."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin" / "python"
    wheel_file = next(built.glob("*.whl"))
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", python]
    run(*pip, "install", "--quiet", "--no-deps", "--no-index", wheel_file)
    site = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip())
    (site / "needs.pth").write_text(f"{sysconfig.get_path('purelib')}\n", encoding="utf-8")
    return folder / "bin"


def test_the_versions_and_dates_agree(built):
    assert [path.name for path in sorted(built.iterdir())] == [
        f"mvot_plugin-{VERSION}-py3-none-any.whl",
        f"mvot_plugin-{VERSION}.tar.gz",
    ]
    assert RELEASE.group(1) == VERSION == CITATION["version"]
    assert RELEASE.group(2) == str(CITATION["date-released"])


def test_an_index_takes_both(built):
    answer = run(sys.executable, "-m", "twine", "check", "--strict", *sorted(built.iterdir()))
    assert answer.count("PASSED") == 2


@pytest.mark.parametrize("package", PACKAGES)
def test_the_wheel_holds_all_files_of_a_package(wheel, package):
    folder = ROOT / PACKAGES[package]
    files = {
        f"{package}/{path.relative_to(folder).as_posix()}": path
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    packed = {name for name in wheel.namelist() if name.startswith(f"{package}/")}
    assert packed == set(files)
    assert f"{package}/py.typed" in packed
    for name, path in files.items():
        if path.suffix != ".py":
            assert wheel.read(name) == path.read_bytes(), name


def test_the_wheel_holds_weights_configs_and_pages(wheel):
    names = set(wheel.namelist())
    assert {
        "mvot_plugin/pretrained/detector-n.onnx",
        "mvot_plugin/pretrained/siammotion-n.safetensors",
        "mvot_plugin/pretrained/siammotion-n-graphs/compare.onnx",
        "mvot_training/configs/light.yaml",
    } <= names
    tops = {name.partition("/")[0] for name in names}
    assert tops == {*PACKAGES, f"mvot_plugin-{VERSION}.dist-info"}


def test_the_wheel_names_and_holds_its_licences(wheel):
    folder = f"mvot_plugin-{VERSION}.dist-info"
    metadata = Parser().parsestr(wheel.read(f"{folder}/METADATA").decode())
    assert metadata["Version"] == VERSION
    assert metadata["License-Expression"] == "Apache-2.0 AND AGPL-3.0-only"
    files = metadata.get_all("License-File")
    assert sorted(files) == ["LICENSE", "LICENSES/AGPL-3.0-only.txt"]
    for name in files:
        assert wheel.read(f"{folder}/licenses/{name}") == (ROOT / name).read_bytes()


def test_the_source_distribution_holds_tests_documents_and_licences(sources):
    wanted = (
        *("pyproject.toml", "README.md", "CHANGELOG.md", "SECURITY.md", "CONTRIBUTING.md"),
        *("CITATION.cff", "LICENSE", "LICENSES/AGPL-3.0-only.txt", "mkdocs.yml"),
        *("tests/conftest.py", "tests/golden.json", "tests/helpers/paths.py"),
        *("docs/index.md", "docs/notebook.ipynb", "examples/own_loop.py"),
    )
    assert not set(wanted) - sources


def test_nothing_else_is_packed(wheel, sources):
    names = {*wheel.namelist(), *sources}
    assert not [name for name in names if UNWANTED.search(name)]
    if (ROOT / ".git").exists():
        listed = run("git", "ls-files", "--cached", "--others", "--exclude-standard", cwd=ROOT)
        assert sources - set(listed.splitlines()) <= {"PKG-INFO"}


@pytest.mark.parametrize("command", COMMANDS)
def test_an_installed_command_says_its_version(installed, tmp_path, command):
    assert run(installed / command, "--version", cwd=tmp_path).strip() == f"{command} {VERSION}"


def test_what_is_installed_tracks(installed, tmp_path):
    engines = run(installed / "mvot-run", "--list-engines", cwd=tmp_path)
    assert all(name in engines for name in ("hold", "lk-flow", "siammotion-n"))
    code = (
        "import mvot_plugin\n"
        "from mvot_pipelines import MotPipeline\n"
        "from mvot_synthetic import street\n"
        "pipeline = MotPipeline('packaged', 'siammotion-n', 2)\n"
        "scene = street(1, size=(160, 120), frames=3)\n"
        "print(len(list(pipeline.run(scene))), mvot_plugin.__file__)\n"
    )
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    count, place = run(installed / "python", "-c", code, cwd=tmp_path, env=environment).split()
    assert count == "3"
    assert Path(place).is_relative_to(installed.parent)


def test_the_citation_has_what_its_format_asks_for():
    assert CITATION["cff-version"] == "1.2.0"
    assert CITATION["type"] == "software"
    assert CITATION["authors"] == [{"name": "The mvot_plugin authors"}]
    assert CITATION["license"] == "Apache-2.0"
    for key in ("message", "title", "abstract"):
        assert CITATION[key].strip()
    assert len(CITATION["references"]) == 5
    for paper in CITATION["references"]:
        assert {"type", "title", "authors", "year"} <= set(paper)
        assert ("journal" in paper) or ("conference" in paper)
        for author in paper["authors"]:
            assert set(author) == {"family-names", "given-names"}


@pytest.mark.parametrize("name", ["CHANGELOG.md", "SECURITY.md"])
def test_a_file_that_a_page_includes_has_no_link_to_other_files(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    assert all(link.startswith("https://") for link in re.findall(r"\]\(([^)]*)\)", text))
    page = (ROOT / "docs" / name.lower()).read_text(encoding="utf-8")
    assert page == f'--8<-- "{name}"\n'


def test_the_table_of_weights_names_the_licence_of_each_file_and_folder():
    folder = ROOT / "mvot_plugin" / "pretrained"
    rows = re.findall(
        r"^\| `([\w.-]+)/?` \|.*\| ([\w.-]+) \|$",
        (folder / "README.md").read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    files = [path for path in folder.iterdir() if path.suffix in (".onnx", ".safetensors")]
    weights = {path.name: path.with_suffix(".json") for path in files}
    records = {
        **weights,
        **{path.parent.name: path for path in folder.glob("*-graphs/network.json")},
        "nanotrack.json": folder / "nanotrack.json",
    }
    licences = {}
    for name, path in records.items():
        record = json.loads(path.read_text(encoding="utf-8"))
        licences[name] = record.get("record", record)["licence"].split(",")[0]
    assert dict(rows) == licences
    assert len(rows) == len(licences) > 12
    others = {path.name for path in folder.iterdir()} - set(records)
    assert others == {"README.md", *(path.name for path in weights.values())}

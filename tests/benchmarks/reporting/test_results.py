"""The JSON of a run."""

import json
from dataclasses import dataclass
from math import isnan, nan

import pytest

from mvot_benchmarks.reporting.results import Results, name_with_hash, read_results, strip_folders
from mvot_plugin.errors import InputError, OutputError, UsageError


@dataclass(frozen=True, kw_only=True)
class Inner:
    share: float
    sizes: tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class Row:
    name: str
    inner: Inner
    stages: dict[str, float]


def row(name, share=0.5):
    return Row(name=name, inner=Inner(share=share, sizes=(3, 4)), stages={"a": 1.5})


def open_results(path, **changes):
    values = {"settings": {"weights": "auto"}, "environment": {"commit": "abc"}} | changes
    return Results(kind=Row, command="mot", path=path, arguments=["mot", "A"], **values)


def test_a_file_holds_what_was_written(tmp_path):
    path = tmp_path / "run.json"
    with open_results(path) as results:
        results.get_or_measure(lambda: row("A"), name="A")
        assert not json.loads(path.read_text())["complete"]
        results.get_or_measure(lambda: row("B", nan), name="B")
    read = read_results(path, {"mot": Row})
    assert read.rows[0] == row("A")
    assert isnan(read.rows[1].inner.share)
    assert (read.command, read.arguments, read.complete) == ("mot", ["mot", "A"], True)
    assert "NaN" not in path.read_text()
    assert [one.name for one in tmp_path.iterdir()] == ["run.json"]


def test_an_interrupted_run_keeps_its_rows_and_continues(tmp_path):
    path = tmp_path / "run.json"

    def interrupt():
        raise KeyboardInterrupt

    def run_until_interrupted():
        with open_results(path) as results:
            results.get_or_measure(lambda: row("A"), name="A")
            results.get_or_measure(interrupt, name="B")

    with pytest.raises(KeyboardInterrupt):
        run_until_interrupted()
    assert not read_results(path, {"mot": Row}).complete
    with open_results(path) as results:
        assert results.get_or_measure(interrupt, name="A") == (row("A"), False)
        assert results.get_or_measure(lambda: row("B"), name="B") == (row("B"), True)
    read = read_results(path, {"mot": Row})
    assert [one.name for one in read.rows] == ["A", "B"]
    assert read.complete


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"settings": {"weights": "x"}}, r"another weights \(auto, now x\)"),
        ({"environment": {"commit": "abd"}}, r"another commit \(abc, now abd\)"),
    ],
)
def test_a_file_of_other_settings_is_an_error_and_unchanged(changes, message, tmp_path):
    path = tmp_path / "run.json"
    with open_results(path) as results:
        results.get_or_measure(lambda: row("A"), name="A")
    before = path.read_bytes()
    with pytest.raises(UsageError, match=message):
        open_results(path, **changes)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"schema": 2}', '{"schema": 1, "command": "vot"}'],
)
def test_a_file_of_another_kind_is_an_error_and_unchanged(text, tmp_path):
    path = tmp_path / "run.json"
    path.write_text(text)
    with pytest.raises(InputError, match=r"run\.json: not a JSON of this mvot-bench"):
        open_results(path)
    assert path.read_text() == text


def test_a_file_that_cannot_be_written_is_an_error_that_names_it(tmp_path):
    with (
        pytest.raises(OutputError, match=r"nowhere.run\.json"),
        open_results(tmp_path / "nowhere/run.json"),
    ):
        pass


def test_folders_of_the_machine_are_not_stored(tmp_path):
    arguments = ["mot", "/a/b/TUD", "rel/TUD-2/", "--weights=/x/y.st", "--fps", "25", "A"]
    assert strip_folders(arguments) == ["mot", "TUD", "TUD-2", "--weights=y.st", "--fps", "25", "A"]
    (tmp_path / "w.st").write_bytes(b"abc")
    assert name_with_hash(str(tmp_path / "w.st")) == "w.st (sha256 ba7816bf8f01)"
    assert name_with_hash("auto") == "auto"


def test_a_folder_of_networks_is_stored_by_its_name_and_the_hash_of_both(tmp_path, monkeypatch):
    folder = tmp_path / "networks"
    folder.mkdir()
    assert name_with_hash(str(folder)) == str(folder)
    for name, content in {"b.onnx": b"c", "a.onnx": b"ab", "readme": b"x"}.items():
        (folder / name).write_bytes(content)
    assert name_with_hash(f"{folder}/") == "networks (sha256 ba7816bf8f01)"
    monkeypatch.chdir(folder)
    assert name_with_hash(".") == "networks (sha256 ba7816bf8f01)"

"""The JSON of a run."""

import json
from dataclasses import dataclass
from math import isnan, nan

import pytest

from mvot_benchmarks.results import Results, nameless, read_results, weights_name
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


def start(path, **changes):
    values = {"settings": {"weights": "auto"}, "environment": {"commit": "abc"}} | changes
    return Results(kind=Row, command="mot", path=path, arguments=["mot", "A"], **values)


def test_a_file_holds_what_was_written(tmp_path):
    path = tmp_path / "run.json"
    with start(path) as results:
        results.take(lambda: row("A"), name="A")
        assert not json.loads(path.read_text())["complete"]
        results.take(lambda: row("B", nan), name="B")
    read = read_results(path, {"mot": Row})
    assert read.rows[0] == row("A")
    assert isnan(read.rows[1].inner.share)
    assert (read.command, read.arguments, read.complete) == ("mot", ["mot", "A"], True)
    assert "NaN" not in path.read_text()
    assert [one.name for one in tmp_path.iterdir()] == ["run.json"]


def test_an_interrupted_run_keeps_what_is_done_and_goes_on(tmp_path):
    path = tmp_path / "run.json"

    def interrupt():
        raise KeyboardInterrupt

    def run_until_interrupted():
        with start(path) as results:
            results.take(lambda: row("A"), name="A")
            results.take(interrupt, name="B")

    with pytest.raises(KeyboardInterrupt):
        run_until_interrupted()
    assert not read_results(path, {"mot": Row}).complete
    with start(path) as results:
        assert results.take(interrupt, name="A") == (row("A"), False)
        assert results.take(lambda: row("B"), name="B") == (row("B"), True)
    read = read_results(path, {"mot": Row})
    assert [one.name for one in read.rows] == ["A", "B"]
    assert read.complete


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"settings": {"weights": "x"}}, r"another weights \(auto, now x\)"),
        ({"environment": {"commit": "abd"}}, r"another commit \(abc, now abd\)"),
    ],
)
def test_rows_of_other_settings_are_never_mixed(changes, said, tmp_path):
    path = tmp_path / "run.json"
    with start(path) as results:
        results.take(lambda: row("A"), name="A")
    before = path.read_bytes()
    with pytest.raises(UsageError, match=said):
        start(path, **changes)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"schema": 2}', '{"schema": 1, "command": "vot"}'],
)
def test_a_file_that_is_none_of_ours_is_named_and_kept(text, tmp_path):
    path = tmp_path / "run.json"
    path.write_text(text)
    with pytest.raises(InputError, match=r"run\.json: not a JSON of this mvot-bench"):
        start(path)
    assert path.read_text() == text


def test_a_file_that_cannot_be_written_is_named(tmp_path):
    with (
        pytest.raises(OutputError, match=r"nowhere.run\.json"),
        start(tmp_path / "nowhere/run.json"),
    ):
        pass


def test_paths_of_the_machine_are_left_out(tmp_path):
    arguments = ["mot", "/a/b/TUD", "rel/TUD-2/", "--weights=/x/y.st", "--fps", "25", "A"]
    assert nameless(arguments) == ["mot", "TUD", "TUD-2", "--weights=y.st", "--fps", "25", "A"]
    (tmp_path / "w.st").write_bytes(b"abc")
    assert weights_name(str(tmp_path / "w.st")) == "w.st (sha256 ba7816bf8f01)"
    assert weights_name("auto") == "auto"

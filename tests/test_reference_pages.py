"""The pages of the reference: all that is exported is there, their code runs, and keys exist."""

import json
import re

import numpy as np
import pytest

from helpers.paths import ROOT
from helpers.plugin.exported import find_exported, resolve
from mvot_benchmarks.mot import MotResult
from mvot_benchmarks.reporting.report import KINDS
from mvot_benchmarks.reporting.results import Results, describe_environment
from mvot_pipelines.counting import Count
from mvot_pipelines.sinks import JsonLinesSink
from mvot_plugin import Frame, Tracks

PAGES = {page.stem: page.read_text("utf-8") for page in (ROOT / "docs/reference").glob("*.md")}
FRAME = Frame(image=np.zeros((48, 64, 3), np.uint8), index=0, timestamp=0.0, captured=0.0)


def read_blocks(page, language):
    return re.findall(rf"^```{language}\n(.*?)^```", PAGES[page], re.MULTILINE | re.DOTALL)


def read_keys(heading):
    """The first column of the first table below a heading of the page of formats."""
    section = PAGES["results"].partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    table = section.partition("| --- ")[2].partition("\n\n")[0]
    return re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)


def test_every_exported_name_is_shown_once():
    shown = re.findall(r"^::: ([\w.]+)$", "\n".join(PAGES.values()), re.MULTILINE)
    assert len(shown) == len(set(shown))
    values = [resolve(name) for name in shown]
    assert not [name for name, value in find_exported().items() if value not in values]


@pytest.mark.parametrize("page", [page for page in PAGES if read_blocks(page, "python")])
def test_the_code_of_a_page_runs(page, capsys):
    namespace = {"__name__": page}
    for block in read_blocks(page, "python"):
        exec(compile(block, f"{page}.md", "exec"), namespace)


def test_the_engine_of_the_page_follows_a_target():
    namespace = {"__name__": "engines"}
    for block in read_blocks("engines", "python"):
        exec(compile(block, "engines.md", "exec"), namespace)
    image = np.random.default_rng(0).integers(0, 256, (120, 160, 3), np.uint8)
    engine = namespace["make_engine"](weights="auto", device="auto", precision="auto")
    boxes = np.array([[40, 30, 80, 70], [90, 50, 110, 90]], np.float32)
    targets = engine.enroll(engine.observe(image), boxes)
    moved = np.roll(image, (3, 5), axis=(0, 1))
    targets, motion = engine.track(engine.observe(moved), targets)
    np.testing.assert_array_equal(motion.boxes, np.add(boxes, (5, 3, 5, 3)))
    np.testing.assert_array_equal(targets.boxes, motion.boxes)
    assert (motion.scores > 0.9).all()


def test_the_keys_of_json_lines_are_those_that_are_written(tmp_path):
    track = Tracks(
        id=np.array([1]),
        xyxy=np.array([[8, 8, 24, 24]], np.float32),
        score=np.ones(1, np.float32),
        class_id=np.zeros(1, np.int64),
        detected=np.ones(1, np.bool_),
        masks=np.ones((1, 4, 4), np.float32),
        keypoints=np.ones((1, 2, 3), np.float32),
        class_names={0: "person"},
    )
    ends = np.array([[0, 0], [64, 48]], np.float32)
    count = Count(name="door", kind="line", points=ends, entered=1)
    with JsonLinesSink(tmp_path / "tracks.jsonl", stream="door") as sink:
        sink.write(FRAME, track, [count])
        sink.write(FRAME, Tracks.empty())
    lines = (tmp_path / "tracks.jsonl").read_text().splitlines()
    assert set(read_keys("JSON lines")) == {key for line in lines for key in json.loads(line)}


def test_the_keys_of_benchmarks_are_those_that_are_written(tmp_path):
    Results(kind=MotResult, command="mot", path=tmp_path / "mot.json").write()
    assert read_keys("Benchmarks") == list(json.loads((tmp_path / "mot.json").read_text()))
    for key in describe_environment("cpu"):
        assert f"`{key}`" in PAGES["results"]


def test_the_classes_of_benchmarks_are_those_of_the_commands():
    rows = re.findall(r"^\| `(\w+)` \| `(\w+)` \|$", PAGES["results"], re.MULTILINE)
    assert dict(rows) == {command: kind.__name__ for command, (kind, _) in KINDS.items()}
    assert all(re.search(rf"^::: [\w.]+\.{name}$", PAGES["results"], re.M) for _, name in rows)


@pytest.mark.parametrize("text", read_blocks("results", "json"))
def test_the_examples_of_lines_are_json(text):
    assert json.loads(text)["frame"] == 59

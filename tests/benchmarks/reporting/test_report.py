"""`mvot-bench report`."""

import json
import re
from dataclasses import fields

import cv2
import pytest

from helpers.benchmarks.moving_sequence import make_scores
from helpers.paths import ROOT
from mvot_benchmarks import mot, overhead
from mvot_benchmarks.ceiling.measurement import CeilingResult
from mvot_benchmarks.cli import main
from mvot_benchmarks.metrics.scoring import Scores
from mvot_benchmarks.realtime.measurement import RtResult
from mvot_benchmarks.reporting.plots import draw_quality
from mvot_benchmarks.reporting.report import KINDS, Section, to_html, to_markdown
from mvot_benchmarks.reporting.results import Results, read_results
from mvot_benchmarks.scaling.measurement import ScalingRow

ENVIRONMENT = {
    "commit": "abc", "version": "0.1.0", "device": "cpu", "cpu": "a <fast> one, 2 cores",
    "threads": 1, "packages": {"torch": "2", "ultralytics": None},
}  # fmt: skip


def write_results(path, kind, command, rows, **settings):
    with Results(
        kind=kind,
        command=command,
        arguments=[command, "A B"],
        settings=settings,
        environment=ENVIRONMENT,
        date="2026-01-01",
        path=path,
    ) as results:
        results.rows += rows
    return str(path)


@pytest.fixture
def files(tmp_path):
    scores = make_scores()
    common = {"sequence": "TUD", "engine": "hold", "scores": scores, "milliseconds": 2.0}
    quality = [mot.MotResult(k=k, frames=10, **common) for k in (1, 5)]
    timed = [RtResult(k=k, fps=25.0, frames=10, processed=5, detected=2, **common) for k in (1, 5)]
    costs = {"frame": 5.0, "enroll": 4.0, "observe": 2.0, "track": 3.0}
    by_engine = {"lk-flow": {}, "siammotion-n": {"crop": 1.0, "head": 2.0}}
    rows = [
        ScalingRow(engine=name, size=size, targets=n, stages=stages, **costs)
        for size in ((640, 480), (1280, 720))
        for n in (1, 10)
        for name, stages in by_engine.items()
    ]
    runs = {one.name: scores for one in fields(CeilingResult) if one.type is Scores}
    ceiling = [CeilingResult(k=k, frames=10, **{**common, **runs}) for k in (1, 5)]
    detectors = ["replay", "replay:frcnn.txt (sha256 12)"]
    own = [overhead.Overhead(targets=5, k=1, median=0.5, p95=0.7)]
    return [
        write_results(tmp_path / "a.json", mot.MotResult, "mot", quality, detector=detectors),
        write_results(tmp_path / "b.json", RtResult, "rt", timed),
        write_results(tmp_path / "c.json", ScalingRow, "scaling", rows),
        write_results(tmp_path / "d.json", CeilingResult, "ceiling", ceiling),
        write_results(tmp_path / "e.json", overhead.Overhead, "overhead", own),
    ]


def test_a_report_has_all_runs_and_a_page_that_needs_no_other_file(files, tmp_path, capsys):
    folder = tmp_path / "new" / "report"
    assert main(["report", *files, "--output", str(folder)]) == 0
    assert capsys.readouterr().out.count("saved ") == 6
    text = (folder / "report.md").read_text()
    titles = re.findall("^## (.*)$", text, re.MULTILINE)
    assert titles == ["mot", "rt", "scaling", "ceiling", "overhead"]
    assert "| TUD: points of MOTA / IDF1 / HOTA | k | reached |" in text
    assert "![ceiling](ceiling-4.png)" in text
    assert "mvot-bench rt 'A B'" in text
    assert "| 5 | 1 | none | 0.50 | 0.70 |" in text
    assert "ultralytics" not in text
    assert text.count("Detections: ") == 1
    assert "Detections: each sequence's det/det.txt, replay:frcnn.txt (sha256 12)." in text
    for name in re.findall(r"!\[.*\]\((.*)\)", text):
        assert cv2.imread(str(folder / name)).shape[1] > 500
    page = (folder / "report.html").read_text()
    assert page.count("data:image/png;base64,") == 4
    assert page.count("<table>") == 11
    assert page.count('<div class="scroll" tabindex="0"><table>') == 11
    assert '<meta name="viewport" content="width=device-width, initial-scale=1">' in page
    assert ".scroll { overflow-x: auto;" in page
    assert "a &lt;fast&gt; one" in page
    assert not re.search(r'(src|href)="(?!data:)', page)


def test_engines_without_stages_have_no_plot_of_stages(tmp_path):
    cost = {"frame": 5.0, "enroll": 4.0, "observe": 2.0, "track": 3.0, "stages": {}}
    row = ScalingRow(engine="lk-flow", size=(640, 480), targets=1, **cost)
    path = write_results(tmp_path / "a.json", ScalingRow, "scaling", [row])
    assert main(["report", path, "--output", str(tmp_path / "r")]) == 0
    assert [one.name for one in (tmp_path / "r").glob("*.png")] == ["speed-1.png"]


def test_several_runs_are_one_point_of_the_plot_of_each_quality():
    common = {"sequence": "TUD", "engine": "hold", "milliseconds": 2.0, "frames": 10}
    shares = {(1, 0): 0.2, (1, 1): 0.6, (5, 0): 0.3}
    rows = [
        mot.MotResult(k=k, run=run, scores=make_scores(mota=share, hota=share / 2), **common)
        for (k, run), share in shares.items()
    ]
    mota, _, hota = draw_quality(rows).axes
    assert hota.get_title() == "TUD: HOTA"
    for axis, first, second in ((mota, 40, 30), (hota, 20, 15)):
        (line,) = axis.get_lines()
        assert line.get_xydata().tolist() == [[1, pytest.approx(first)], [5, pytest.approx(second)]]


def test_a_file_without_results_is_an_error_that_names_it(tmp_path, capsys):
    (tmp_path / "x.json").write_text("{}")
    assert main(["report", str(tmp_path / "x.json"), "--output", str(tmp_path / "r")]) == 1
    assert "x.json: not a JSON of this mvot-bench" in capsys.readouterr().err
    assert main(["report", str(tmp_path), "--output", str(tmp_path / "r")]) == 1
    assert "is a folder or a device; give a file of results" in capsys.readouterr().err
    assert not (tmp_path / "r").exists()


def test_the_report_marks_an_interrupted_run(tmp_path):
    path = tmp_path / "a.json"
    results = Results(
        kind=overhead.Overhead, command="overhead", environment=ENVIRONMENT, path=path
    )
    results.write()
    assert main(["report", str(path), "--output", str(tmp_path / "r")]) == 0
    assert "This run was cut short." in (tmp_path / "r" / "report.md").read_text()


STORED = sorted((ROOT / "benchmarks" / "results").glob("*.json"))


def test_each_command_has_results_in_the_repository():
    commands = {json.loads(path.read_text())["command"] for path in STORED}
    assert commands == set(KINDS)


@pytest.mark.parametrize("path", STORED, ids=lambda path: path.stem)
def test_the_results_in_the_repository_are_shown_as_they_were_stored(path):
    run = read_results(path, {name: kind for name, (kind, _) in KINDS.items()})
    table = KINDS[run.command][1](run.rows)
    engines = {row.engine for row in run.rows if hasattr(row, "engine")}
    assert all(re.search(rf"^\| {engine}( \||, )", table, re.MULTILINE) for engine in engines)
    assert len(table.splitlines()) > len(run.rows) / 12


def test_no_name_in_a_report_is_markup():
    name = "<script>alert(1)</script>"
    section = Section(
        title="mot",
        command=f"mvot-bench mot '\n```\n{name}'",
        about=f"{name} was skipped.",
        table=f"| MOTA | k |\n| --- | --- |\n| {name} | 5 |",
    )
    markdown, page = to_markdown([section]), to_html([section])
    outside = markdown.replace(section.command, "")
    assert section.command in markdown.split("``````")[1]
    assert "<script" not in outside
    assert "<script" not in page
    assert "&lt;script&gt;" in outside
    assert "&lt;script&gt;" in page

"""Pictures that are drawn from results."""

import json
import re

import cv2
import pytest

from helpers.paths import ROOT
from mvot_benchmarks.cli import main
from mvot_benchmarks.documents.keys import Keys
from mvot_benchmarks.documents.pictures import PICTURE_KEYS, PLOTS, build_picture, draw, is_current
from mvot_benchmarks.realtime.plots import draw_trade_off
from mvot_benchmarks.reporting.report import KINDS as COMMANDS
from mvot_benchmarks.reporting.results import read_results
from mvot_plugin.errors import UsageError

FIGURE = '<!-- figure: picture plot={} results={} alt="What it shows" -->\n<!-- end of figure -->\n'
STORED = sorted((ROOT / "benchmarks" / "results").glob("*.json"))


def read_stored(path):
    return read_results(path, {name: kind for name, (kind, _) in COMMANDS.items()})


def keys_of(**keys):
    return Keys({"results": "a", "alt": "text", **keys}, PICTURE_KEYS)


def test_a_picture_is_drawn_and_shown_relative_to_its_document(project, capsys):
    inner = project.write(FIGURE.format("costs", "timed"), "docs/benchmarks/a.md")
    outer = project.write(FIGURE.format("quality", "quality"))
    assert main(project.arguments()) == 0
    assert "![What it shows](../images/timed-costs.png)\n\n`mvot-bench rt A B`" in inner.read_text()
    assert "![What it shows](docs/images/quality-quality.png)" in outer.read_text()
    images = project.root / "docs" / "images"
    picture = cv2.imread(str(images / "timed-costs.png"))
    assert picture.shape[1] > 1200
    assert (picture[0] == 255).all()
    assert capsys.readouterr().out.count("saved ") == 4
    assert main(project.arguments("--check")) == 0


def test_a_picture_of_other_results_is_named_and_drawn_anew(project, timed, capsys):
    project.write(FIGURE.format("costs", "timed"))
    assert main(project.arguments()) == 0
    file = project.root / "docs" / "images" / "timed-costs.png"
    old = file.read_bytes()
    assert main(project.arguments()) == 0
    assert file.read_bytes() == old
    timed.rows = timed.rows[:8]
    timed.write()
    assert main(project.arguments("--check")) == 1
    shown = capsys.readouterr().err
    assert "timed-costs.png: is missing, or was drawn from other results" in shown
    assert file.read_bytes() == old
    assert main(project.arguments()) == 0
    assert main(project.arguments("--check")) == 0
    file.write_bytes(b"\x89PNG\r\n\x1a\n damaged")
    assert main(project.arguments("--check")) == 1
    file.unlink()
    assert main(project.arguments("--check")) == 1


def test_the_provenance_is_said_by_a_picture_where_no_table_says_it(project):
    table = "<!-- figure: costs results=timed {} -->\n<!-- end of figure -->\n"
    figure = FIGURE.format("costs", "timed")
    document = project.write(figure + table.format(""))
    assert main(project.arguments()) == 0
    assert document.read_text().count("mvot-bench rt") == 1
    project.write(figure + table.format("provenance=no"))
    assert main(project.arguments()) == 0
    assert document.read_text().count("mvot-bench rt") == 1
    project.write(figure.replace("alt", "provenance=no alt"))
    assert main(project.arguments()) == 0
    assert "mvot-bench rt" not in document.read_text()


def test_what_a_picture_was_drawn_from_decides_whether_it_is_current(quality, tmp_path):
    document = tmp_path / "docs" / "a.md"
    picture, _ = build_picture(quality, b"{}", "a", keys_of(plot="quality"), document)
    picture.path.parent.mkdir(parents=True)
    picture.path.write_bytes(draw(picture))
    assert is_current(picture)
    others = [
        build_picture(quality, b"{ }", "a", keys_of(plot="quality"), document)[0],
        build_picture(quality, b"{}", "a", keys_of(plot="quality", rows="hold"), document)[0],
    ]
    assert not any(is_current(other) for other in others)
    assert picture.path.name == "a-quality.png"
    assert others[1].path.name == "a-quality-hold.png"
    assert {row.engine for row in others[1].run.rows} == {"hold"}


@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        ({"plot": "pie"}, "unknown plot 'pie'"),
        ({"plot": "costs"}, "plot=costs is of rt, not mot"),
        ({"plot": "quality", "alt": ""}, "a picture needs plot=NAME, and alt="),
        ({"plot": "quality", "rows": "kalman"}, "unknown row 'kalman'"),
        ({}, "a picture needs plot=NAME"),
    ],
)
def test_a_picture_that_cannot_be_drawn_is_an_error(quality, tmp_path, keys, reason):
    with pytest.raises(UsageError) as caught:
        build_picture(quality, b"", "a", keys_of(**keys), tmp_path / "a.md")
    assert reason in str(caught.value)


@pytest.mark.parametrize("name", PLOTS)
def test_every_plot_of_results_in_the_repository_has_units_on_its_axes(name):
    plot = PLOTS[name]
    is_fit = (
        path for path in STORED if json.loads(path.read_text())["command"] in plot.commands
    )  # fmt: skip
    run = next(run for run in map(read_stored, is_fit) if len(run.rows) > 12)
    if name == "stages":
        run.rows = [row for row in run.rows if row.engine in ("nanotrack", "siammotion-n")]
    figure = plot.draw(run)
    assert figure.get_size_inches()[0] <= 8.5
    assert figure.get_facecolor() == (1.0, 1.0, 1.0, 1.0)
    for axis in figure.axes:
        labels = " ".join([axis.get_title(), axis.get_xlabel(), axis.get_ylabel()])
        assert re.search(
            r"percent|%|ms|milliseconds|per second|MB|per core|x\d+|[MH]OTA|IDF1", labels
        )
        sizes = [text.get_fontsize() for text in (*axis.get_xticklabels(), axis.title)]
        assert min(sizes) >= 8


def test_the_trade_off_has_a_line_for_each_way_to_call_a_detector(timed):
    mota, idf1 = draw_trade_off(timed.rows).axes
    assert (mota.get_title(), idf1.get_title()) == ("MOTA", "IDF1")
    every, best, beside, frame = (line.get_xydata().tolist() for line in idf1.get_lines())
    assert every == best == [[30, pytest.approx(50)], [60, pytest.approx(50)]]
    assert beside == [[30, pytest.approx(60)], [60, pytest.approx(60)]]
    assert [x for x, _ in frame] == [40, 40]

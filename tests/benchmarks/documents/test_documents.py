"""``mvot-bench report --documents``."""

import re
from dataclasses import replace

import pytest

from helpers.paths import ROOT
from mvot_benchmarks.cli import main
from mvot_benchmarks.documents.marks import find_marks, mask_fences

FIGURE = "<!-- figure: quality results=quality k=5 {} -->\n<!-- end of figure -->\n"
VALUE = '<!-- value: quality results=quality row="lk-flow" column="k = 5" part=2 -->?<!-- end -->'
TEXT = f"# Title\n\nIt has {VALUE} points of IDF1.\n\n{FIGURE.format('')}\nThe end.\n"


def test_a_document_is_filled_with_a_table_its_provenance_and_a_value(project, capsys):
    document = project.write(TEXT)
    assert main(project.arguments()) == 0
    assert capsys.readouterr().out == f"saved {document}\n"
    assert document.read_text() == (
        "# Title\n\nIt has "
        f"{VALUE.replace('?', '60.0')} points of IDF1.\n\n"
        "<!-- figure: quality results=quality k=5  -->\n\n"
        "| MOTA / IDF1 / HOTA, mean of 2 sequences | k = 5 |\n| --- | --- |\n"
        "| hold | 50.0 / 40.0 / 30.0 |\n| lk-flow | 70.0 / 60.0 / 50.0 |\n\n"
        "`mvot-bench mot A B` on AMD EPYC, 2 cores, with 2 threads; 2026-12-01, commit 0123456, "
        "version 0.2.0; rows in `benchmarks/results/quality.json`.\n\n"
        "<!-- end of figure -->\n\nThe end.\n"
    )


def test_a_document_that_is_filled_twice_is_unchanged(project, capsys):
    document = project.write(TEXT + FIGURE.format("provenance=no spread=yes"))
    assert main(project.arguments()) == 0
    once = document.read_bytes()
    capsys.readouterr()
    assert main(project.arguments()) == 0
    assert (document.read_bytes(), capsys.readouterr().out) == (once, "")
    assert main(project.arguments("--check")) == 0
    assert capsys.readouterr().out == "3 marks in 1 files say what the results say\n"
    assert once.count(b"mvot-bench mot") == 1


def test_a_check_names_the_marks_that_differ_and_writes_nothing(project, quality, capsys):
    document = project.write(TEXT, "docs/a.md")
    project.write(TEXT + FIGURE.format("over=A"))
    assert main(project.arguments()) == 0
    text = document.read_text().replace("60.0<!--", "60.1<!--")
    document.write_text(text)
    capsys.readouterr()
    assert main(project.arguments("--check")) == 1
    shown = capsys.readouterr().err.splitlines()
    assert shown[0] == f"mvot-bench report: {document}:3: value: quality results=quality"
    assert shown[1].startswith("mvot-bench: places that differ from the results: 1; ")
    assert document.read_text() == text
    quality.rows[1] = replace(quality.rows[1], engine="other")
    project.store("quality", quality)
    assert main(project.arguments("--check")) == 1
    shown = capsys.readouterr().err
    assert [line for line in (3, 5, 17) if f"README.md:{line}: " in shown] == [5, 17]


def test_a_value_at_the_beginning_of_a_line_differs(project, capsys):
    document = project.write(f"It has\n{VALUE} points.\n")
    assert main(project.arguments()) == 0
    document.write_text(document.read_text().replace("has <!--", "has\n<!--"))
    assert main(project.arguments("--check")) == 1
    assert "a value begins a line" in capsys.readouterr().err
    assert main(project.arguments()) == 0
    assert document.read_text().startswith("It has <!-- value:")


@pytest.mark.parametrize(
    ("mark", "reason"),
    [
        ("pie results=quality", "unknown kind 'pie'"),
        ("quality results=missing", "results=missing: there is no "),
        ("quality", "results=: give the name of a file of results"),
        ("quality results=../results/quality", "give the name of a file of results"),
        ("quality results=quality over=C", "unknown over 'C'"),
        ("quality results=quality rows=kalman", "unknown row 'kalman': choose from hold, lk-flow"),
        ("motion results=quality", "motion is of results of vot, not mot"),
        ("quality results=quality provenance=maybe", "provenance=maybe: is yes or no"),
        ("picture results=quality", "a picture needs plot=NAME"),
        ("picture results=quality plot=quality alt=a part=2", "unknown key 'part'"),
    ],
)
def test_a_mark_that_cannot_be_filled_is_a_sentence_and_nothing_is_written(
    project, capsys, mark, reason
):
    text = f"\n<!-- figure: {mark} -->\n<!-- end of figure -->\n"
    document, other = project.write(text, "docs/a.md"), project.write(TEXT)
    for arguments in (project.arguments(), project.arguments("--check")):
        assert main(arguments) == 1
        first, last = capsys.readouterr().err.splitlines()
        assert first.startswith(f"mvot-bench report: {document}:2: figure: {mark.split()[0]} ")
        assert reason in first
        assert last == "mvot-bench: marks that cannot be filled: 1; nothing was written"
    assert (document.read_text(), other.read_text()) == (text, TEXT)


@pytest.mark.parametrize(
    ("mark", "reason"),
    [
        ("row=lk-flow", "a value needs column="),
        ('row=lk column="k = 5"', "unknown row 'lk'"),
        ('row=lk-flow column="k = 6"', "unknown column 'k = 6'"),
        ('row=lk-flow column="k = 5" part=4', "part=4: '70.0 / 60.0 / 50.0' has 3"),
    ],
)
def test_a_cell_that_is_not_there_is_a_sentence(project, capsys, mark, reason):
    project.write(f"It has <!-- value: quality results=quality {mark} -->?<!-- end -->.\n")
    assert main(project.arguments()) == 1
    assert reason in capsys.readouterr().err


def test_a_mark_without_an_end_is_a_sentence(project, capsys):
    document = project.write("\n\n<!-- figure: quality results=quality -->\n")
    assert main(project.arguments()) == 1
    assert f"{document}:3: the figure has no <!-- end of figure -->" in capsys.readouterr().err


def test_marks_in_fenced_code_are_left_alone(project):
    text = f"```markdown\n{FIGURE.format('')}```\n\nWrite `{VALUE}`.\n"
    document = project.write(text)
    assert main(project.arguments()) == 0
    assert document.read_text() == text


def test_the_two_forms_of_the_report_are_not_mixed(project, capsys):
    for arguments, reason in (
        (["report"], "give JSON files and --output, or --documents"),
        (["report", "a.json"], "give JSON files and --output, or --documents"),
        (["report", "a.json", "--output", "r", "--check"], "--results and --check are of"),
        (project.arguments("--output", "r"), "--documents excludes JSON files"),
    ):
        assert main(arguments) == 2
        assert reason in capsys.readouterr().err
    assert main(["report", "--documents", "missing.md"]) == 1
    assert "missing.md: there is no such file or folder" in capsys.readouterr().err


def test_the_documents_show_what_the_results_say(capsys):
    paths = [str(ROOT / "README.md"), str(ROOT / "docs")]
    results = str(ROOT / "benchmarks" / "results")
    code = main(["report", "--documents", *paths, "--results", results, "--check"])
    assert (code, capsys.readouterr().err) == (0, "")


FRACTION = re.compile(r"(?<![\w.])[-+]?\d+\.\d+(?![\w.])")
WORD = re.compile(r"(?!(?:ms|s|fps|MB|GB)\b)[A-Za-z]{1,}")
"""Something else than a number and its unit."""
EXEMPT = "paper", "default"
"""Words in the headings of tables of what a paper reports, and of settings."""


def find_typed_tables(text):
    """The lines that tables with two or more fractions begin on, which no mark has filled."""
    for mark in find_marks(text):
        blank = re.sub(r"[^\n]", " ", text[mark.start : mark.stop])
        text = text[: mark.start] + blank + text[mark.stop :]
    tables, start = {}, 0
    is_table = False
    for number, line in enumerate(mask_fences(text).splitlines(), 1):
        if not line.lstrip().startswith("|"):
            is_table = False
            continue
        start = start if is_table else number
        is_table = True
        tables.setdefault(start, []).append(line.strip().strip("|").split("|"))
    return [
        start
        for start, (head, *rows) in tables.items()
        if not any(word in "|".join(head).lower() for word in EXEMPT)
        and sum(len(FRACTION.findall(cell)) for row in rows for cell in row[1:]
                if not WORD.search(cell)) > 1
    ]  # fmt: skip


def test_a_table_with_figures_that_a_person_typed_is_found():
    table = "| | MOTA |\n| --- | --- |\n| a | 71.2 / 70.9 |\n"
    assert find_typed_tables(f"text\n\n{table}") == [3]
    assert find_typed_tables(f"{FIGURE.format('')}\n- item\n\n  {table}\n{table}") == [6, 10]
    assert find_typed_tables(table.replace("71.2 / 70.9", "59.0±15.7 (5), 37 ms")) == [1]
    assert find_typed_tables(table.replace("70.9", "x")) == []
    assert find_typed_tables(f"```\n{table}```\n") == []
    assert find_typed_tables(table.replace("71.2", VALUE).replace("70.9", VALUE)) == []
    assert find_typed_tables(table.replace("MOTA", "MOTA in the paper")) == []
    assert find_typed_tables(table.replace("MOTA", "default")) == []
    assert find_typed_tables(table.replace("71.2 / 70.9", "0.5 is chance, and 0.1 is bad")) == []
    filled = f"<!-- figure: quality results=a -->\n\n{table}\n<!-- end of figure -->\n"
    assert find_typed_tables(filled) == []


MEASURED = [
    ROOT / "README.md",
    *(path for name in ("benchmarks", "engines") for path in (ROOT / "docs" / name).glob("*.md")),
]


@pytest.mark.parametrize("path", MEASURED, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_table_of_figures_was_typed(path):
    assert find_typed_tables(path.read_text(encoding="utf-8")) == []

"""Tables that are read from Markdown, narrowed and written."""

import pytest

from mvot_benchmarks.documents.tables import Table, find_cell, parse_tables, split_names
from mvot_plugin.errors import UsageError

MARKDOWN = """\
| MOTA / IDF1 | k = 1 | k = 5 (20.0%) | note |
| --- | --- | --- | --- |
| blocking, best k | 71.2 / **70.9** (5), 67 ms | 60.0 / 50.0 | |
| every frame | 1.0 / 2.0 | 7.59 (40%) | yes |
"""


@pytest.fixture
def table():
    (only,) = parse_tables(MARKDOWN.rstrip())
    return only


def test_a_table_is_written_as_it_was_read(table):
    assert table.heading == "MOTA / IDF1"
    assert table.columns == ("k = 1", "k = 5 (20.0%)", "note")
    assert table.names == ["blocking, best k", "every frame"]
    assert table.to_markdown() == MARKDOWN.rstrip().replace("| |", "|  |")
    text = f"{MARKDOWN}\nA sentence.\n\n{MARKDOWN}"
    assert len(parse_tables(text)) == 2


def test_rows_and_columns_are_chosen_in_the_order_of_the_list(table):
    assert table.choose_rows("every frame, blocking, best k").names == table.names[::-1]
    chosen = table.choose_columns("note,k = 5")
    assert chosen.columns == ("note", "k = 5 (20.0%)")
    assert chosen.rows[1] == ("every frame", "yes", "7.59 (40%)")
    assert table.leave_out("note", "other").columns == table.columns[:2]
    assert table.where("note", "yes").names == ["every frame"]


def test_a_name_with_commas_is_found_before_its_pieces():
    known = {one: one for one in ("lk-flow", "lk-flow, asynchronous", "asynchronous")}
    names = "lk-flow, asynchronous,lk-flow,asynchronous"
    assert split_names(names, known, "row") == [
        "lk-flow, asynchronous", "lk-flow", "asynchronous",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("column", "part", "text"),
    [
        ("k = 1", 1, "71.2"),
        ("k = 1", 2, "70.9"),
        ("k = 1", 3, "5"),
        ("k = 1", 4, "67 ms"),
        ("k = 1", None, "71.2 / 70.9 (5), 67 ms"),
        ("k = 5", 2, "50.0"),
        ("k = 5 (20.0%)", 1, "60.0"),
    ],
)
def test_a_cell_has_parts_that_are_counted_from_one(table, column, part, text):
    assert table.cell("blocking, best k", column, part) == text


@pytest.mark.parametrize(
    ("row", "column", "part", "reason"),
    [
        ("every frme", "k = 1", 1, "unknown row 'every frme': did you mean 'every frame'?"),
        ("every frame", "k = 7", 1, "unknown column 'k = 7'"),
        ("every frame", "k = 1", 3, "part=3: '1.0 / 2.0' has 2"),
        ("every frame", "k = 1", 0, "part=0"),
        ("blocking, best k", "note", None, "is empty"),
    ],
)
def test_a_cell_that_is_not_there_is_an_error(table, row, column, part, reason):
    with pytest.raises(UsageError) as caught:
        table.cell(row, column, part)
    assert reason in str(caught.value)


def test_a_row_that_is_there_twice_is_an_error(table):
    twice = Table(heading="", columns=table.columns, rows=(*table.rows, *table.rows))
    with pytest.raises(UsageError, match="2 rows are called 'every frame'; narrow them down"):
        twice.cell("every frame", "k = 1")
    with pytest.raises(UsageError, match="2 tables have a row 'every frame'"):
        find_cell([table, table], "every frame", "k = 1")
    with pytest.raises(UsageError, match="unknown row 'x'"):
        find_cell([table], "x", "k = 1")


def test_cells_make_a_table_with_gaps():
    cells = {("a", "x"): "1", ("b", "y"): "2"}
    table = Table.of_cells("", ["x", "y"], cells)
    assert table.rows == (("a", "1", ""), ("b", "", "2"))
    assert table.transpose("t").rows == (("x", "1", ""), ("y", "", "2"))

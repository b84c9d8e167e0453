"""Marks in Markdown."""

import pytest

from mvot_benchmarks.documents.marks import MarkError, find_marks, mask_fences, replace_marks

FIGURE = "<!-- figure: quality results=a -->\n<!-- end of figure -->"
VALUE = '<!-- value: quality results=a row="lk-flow" column="k = 5" part=2 -->?<!-- end -->'


def test_a_figure_and_a_value_are_read_with_their_keys():
    text = f"# T\n\n{FIGURE}\n\nloses {VALUE} points\n"
    figure, value = find_marks(text)
    assert (figure.line, figure.type, figure.kind, figure.keys) == (
        3, "figure", "quality", {"results": "a"},
    )  # fmt: skip
    assert (value.line, value.type, value.keys) == (6, "value", {"results": "a"})
    assert value.cell == {"row": "lk-flow", "column": "k = 5", "part": "2"}
    assert str(value) == "value: quality results=a"
    filled = replace_marks(text, [figure, value], ["| a |", "3.2"])
    assert filled == (
        "# T\n\n<!-- figure: quality results=a -->\n\n| a |\n\n<!-- end of figure -->\n\nloses "
        '<!-- value: quality results=a row="lk-flow" column="k = 5" part=2 -->3.2<!-- end -->'
        " points\n"
    )


def test_a_part_that_is_a_word_is_a_key_and_one_that_is_a_number_is_of_the_cell():
    (value,) = find_marks("a <!-- value: streams part=cost part=2 row=x column=y -->?<!-- end -->")
    assert (value.keys, value.cell["part"]) == ({"part": "cost"}, "2")


def test_a_mark_may_go_over_several_lines():
    (value,) = find_marks(
        "a <!-- value: quality results=a\n  row='x y' column=b\n-->?\n<!-- end -->"
    )
    assert value.cell == {"row": "x y", "column": "b"}


@pytest.mark.parametrize(
    "text",
    [
        f"```\n{FIGURE}\n```\n",
        f"````markdown\n```\n{FIGURE}\n````\n",
        f"~~~ text\n{FIGURE}\n~~~\n",
        f"   ```\n{FIGURE}\n   ```\n",
        f"```\n{FIGURE}\n",
        f"Write `{VALUE}` for a value, ``<!-- end of figure -->`` ends.\n",
        "<!-- tests -->\n<!-- endless -->\n",
    ],
)
def test_marks_in_code_are_text(text):
    assert find_marks(text) == []


def test_a_fence_ends_where_it_ends():
    text = (
        f"```\ncode\n```\n\n{FIGURE}\n\n```\n{FIGURE}\n```\n\none ` tick\n\n{FIGURE}\n\nand ` one\n"
    )
    assert [mark.line for mark in find_marks(text)] == [5, 15]
    assert len(mask_fences(text)) == len(text)


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("a\n<!-- figure: quality results=a -->\n", 2, "the figure has no <!-- end of figure -->"),
        (f"<!-- figure: quality -->\n{FIGURE}", 1, "the figure has no"),
        ("a <!-- value: quality -->? b\n\nc", 1, "the value has no <!-- end -->"),
        ("<!-- value: quality -->\n<!-- end of figure -->", 1, "the value has no <!-- end -->"),
        ("a\n\n<!-- end of figure -->", 3, "ends nothing"),
        ("a <!-- end -->", 1, "ends nothing"),
        (f"a {FIGURE}", 1, "stand on lines of their own"),
        (f"{FIGURE} a", 1, "stand on lines of their own"),
        ("a <!-- value: quality row=lk flow -->?<!-- end -->", 1, "put quotes around blanks"),
        ("a <!-- value: quality row='x -->?<!-- end -->", 1, "cannot be read: No closing quot"),
        ("a <!-- value: quality k=1 k=2 -->?<!-- end -->", 1, "has a key twice"),
    ],
)
def test_a_mark_that_cannot_be_read_is_an_error_with_its_line(text, line, reason):
    with pytest.raises(MarkError, match=r"[a-z]") as caught:
        find_marks(text)
    assert (caught.value.line, reason in str(caught.value)) == (line, True)


def fill(text, content="5"):
    marks = find_marks(text)
    return replace_marks(text, marks, [content] * len(marks))


def test_a_value_that_begins_a_line_is_moved_to_the_line_before():
    mark = VALUE.replace("?", "5")
    text = f"- it loses\n  {VALUE} and\n  {VALUE}\n  {VALUE}.\n"
    assert fill(text) == f"- it loses {mark} and {mark} {mark}.\n"
    assert fill(fill(text)) == fill(text)


@pytest.mark.parametrize("before", ["", "text\n\n", "- ", "1. ", "> ", "a\n\n  * "])
def test_a_value_that_begins_a_paragraph_is_an_error(before):
    with pytest.raises(MarkError, match="put a word before it"):
        fill(f"{before}{VALUE} points")


def test_a_figure_in_a_list_is_indented_as_its_mark():
    text = "- item\n\n    <!-- figure: quality results=a -->\n    <!-- end of figure -->\n"
    filled = fill(text, "| a |\n| - |\n\nTold.")
    assert filled == (
        "- item\n\n    <!-- figure: quality results=a -->\n\n    | a |\n    | - |\n\n    Told.\n\n"
        "    <!-- end of figure -->\n"
    )
    assert fill(filled, "| a |\n| - |\n\nTold.") == filled

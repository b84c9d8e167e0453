"""Messages, whatever they are about."""

import pytest

from mvot_plugin.errors import format_line, format_value, unknown_name


@pytest.mark.parametrize(
    ("message", "line"),
    [
        ("a.mp4: überall 🎥", "a.mp4: überall 🎥"),
        ("a\r\nb\tc\x7f\x9b", "a\\r\\nb\\tc\\x7f\\x9b"),
        ("\u202eabc\u2028\udcff", "\\u202eabc\\u2028\\udcff"),
    ],
)
def test_a_line_holds_nothing_that_a_terminal_would_obey(message, line):
    assert format_line(message) == line


def test_a_long_line_keeps_its_beginning_and_its_end():
    line = format_line("begin " + "\0" * 10**5 + " end")
    assert line.startswith("begin ")
    assert line.endswith(" end")
    assert len(line) < 520


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.5, "0.5"),
        ("x", "'x'"),
        pytest.param(10**5000, "a number of thousands of digits", id="5,000 digits"),
        ([[[[[[[[1]]]]]]]], "[[[[[[[...]]]]]]]"),
    ],
)
def test_a_value_is_written_in_short(value, text):
    assert format_value(value) == text


@pytest.mark.parametrize(
    "value",
    ["x" * 10**5, ["x" * 10**5] * 9, 10**4000, {1: b"x" * 10**6}],
    ids=["text", "list", "number", "bytes"],
)
def test_a_long_value_is_cut(value):
    assert len(format_value(value)) < 120
    assert len(str(unknown_name("engine", str(value), ["hold"]))) < 200

"""Lists of sources: a line for each, with options of its own."""

import subprocess

import pytest

from helpers.pipelines.mvot_run import COMMAND
from mvot_pipelines.cli.options import build_parser
from mvot_pipelines.cli.settings import build_configs
from mvot_pipelines.config import RunConfig
from mvot_pipelines.streams.names import (
    fill_in_name,
    name_source,
    name_streams,
    to_file_name,
)
from mvot_plugin.errors import InputError, UsageError


def read(tmp_path, text, *options):
    """The settings of the streams in a list."""
    path = tmp_path / "list.txt"
    path.write_text(text) if isinstance(text, str) else path.write_bytes(text)
    return build_configs(build_parser().parse_args(["--sources", str(path), *options]))


def test_lines_have_sources_with_options_comments_and_quotes(tmp_path):
    configs = read(
        tmp_path,
        "\ufeff# cameras of the house\n\n"
        "rtsp://door/1 --name door   # the front\n"
        "'my video.mp4' --detect-every auto --start 1:30\r\n"
        "   --frames 5 'a # b.mp4' --count-line 'in=0,0,10,10' --count-line out=1,1,2,2\n"
        "2 --no-async\n",
        *("--detect-every", "7", "--frames", "9"),
    )
    assert [config.source for config in configs] == [
        "rtsp://door/1", "my video.mp4", "a # b.mp4", "2",
    ]  # fmt: skip
    assert [config.name for config in configs] == ["door", None, None, None]
    assert [config.detect_every for config in configs] == [7, "auto", 7, 7]
    assert [config.frames for config in configs] == [9, 9, 5, 9]
    assert configs[1].start == 90
    assert configs[2].counting.lines == ("in=0,0,10,10", "out=1,1,2,2")
    assert configs[3].asynchronous == "wait"


def test_a_line_goes_before_the_command_line_and_that_before_the_file(tmp_path):
    (tmp_path / "run.yaml").write_text("detect_every: 3\nframes: 4\nstride: 2\n")
    options = "--config", str(tmp_path / "run.yaml"), "--frames", "5", "--zone", "all.yaml"
    configs = read(tmp_path, "a.mp4\nb.mp4 --frames 6 --zone b.yaml --per-class\n", *options)
    assert [(one.detect_every, one.frames, one.stride) for one in configs] == [(3, 5, 2), (3, 6, 2)]
    assert [one.counting.zones for one in configs] == ["all.yaml", "b.yaml"]
    assert configs[0].pipeline.affinity.other_class > 0
    assert configs[1].pipeline.affinity.other_class == 0


def test_sources_of_the_command_line_come_first(tmp_path):
    assert [config.source for config in read(tmp_path, "c.mp4\n", "a.mp4", "b.mp4")] == [
        "a.mp4", "b.mp4", "c.mp4",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("a.mp4 b.mp4", "write one source, and its options after it"),
        ("--frames 5", "write one source, and its options after it"),
        ("a.mp4 --frames", "expected one argument"),
        ("a.mp4 --frames x", "invalid int value: 'x'"),
        ("a.mp4 --frmes 5", "did you mean '--frames'"),
        ("a.mp4 'b", "No closing quotation"),
        ("a.mp4 --engine hold", "--engine holds for all sources: give it on the command line"),
        ("a.mp4 --detector x.onnx", "--detector holds for all sources"),
        ("a.mp4 --quiet", "--quiet holds for all sources"),
        ("a.mp4 --serve 80", "--serve holds for all sources"),
        ("a.mp4 --sources b.txt", "--sources holds for all sources"),
        ("a.mp4 --config b.yaml", "--config holds for all sources"),
        ("a.mp4 --print-config", "--print-config holds for all sources"),
        ("a.mp4 --list-engines", "--list-engines holds for all sources"),
        ("a.mp4 --detector-share 0.5", "--detector-share holds for all sources"),
        ("a.mp4 --demo", "--demo holds for all sources"),
        ("a.mp4 --frames 0", "--frames must be 1 or more"),
        ("a.mp4 --reconnect -1", "--reconnect must be 0 or more"),
        ("a.mp4 --detect-every often", "--detect-every must be 1 or more, or auto"),
        ("a.mp4 --version", "--version"),
        ("a.mp4 --help", "--help"),
        ("a.mp4 --name ''", "'name' is empty"),
    ],
)
def test_what_is_wrong_in_a_line_names_the_file_and_the_line(tmp_path, line, words):
    with pytest.raises(UsageError) as info:
        read(tmp_path, f"# first\n{line}\nb.mp4\n")
    assert str(info.value).startswith(f"--sources {tmp_path / 'list.txt'}, line 2: ")
    assert words in str(info.value)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "names no source: write one in each line"),
        ("# nothing\n\n", "names no source: write one in each line"),
        (b"\xff\xfe\x00a", r"this is no text \(UTF-8\)"),
        (b"a" * (2 << 20), "list.txt"),
        (b"a.mp4\0b.mp4", r"this is no text \(UTF-8\)"),
    ],
)
def test_a_list_without_sources_or_that_is_no_text_is_refused(tmp_path, content, words):
    with pytest.raises((InputError, UsageError), match=words):
        read(tmp_path, content)


def test_a_list_that_is_not_there_is_refused(tmp_path):
    for name, words in (("none.txt", "No such file"), (".", "s a directory")):
        with pytest.raises(InputError, match=words):
            build_configs(build_parser().parse_args(["--sources", str(tmp_path / name)]))


def test_a_list_is_read_from_the_standard_input(clips, tmp_path):
    lines = f"{clips / 'one.avi'}\n{clips / 'two.avi'} --name second\n"
    given = ["--sources", "/dev/stdin", "--detector", f"{clips / 'blobs.py'}:detect"]
    given += ["--engine", "hold", "--save-txt", str(tmp_path / "{name}.txt")]
    done = subprocess.run([COMMAND, *given], input=lines, text=True, capture_output=True)
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.txt", "second.txt"]


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("0", "camera-0"), ("a/b.tar.mp4", "b.tar"), ("rtsp://u:p@host:554/a/1?x=2", "host/a/1"),
        ("http://host/", "host"), ("a\x1b[31m.mp4", "a\x1b[31m"), (".mp4", ".mp4"),
    ],
)  # fmt: skip
def test_a_source_has_a_short_name_without_passwords(source, name):
    assert name_source(source) == name


def test_a_folder_is_called_by_its_whole_name(tmp_path, monkeypatch):
    (tmp_path / "v1.2").mkdir()
    monkeypatch.chdir(tmp_path / "v1.2")
    assert {name_source(path) for path in (".", "../v1.2", "../v1.2/", str(tmp_path / "v1.2"))} == {
        "v1.2"
    }
    assert name_source("..") == tmp_path.name


def names(*sources, given=()):
    configs = [RunConfig(source=source) for source in sources]
    configs += [RunConfig(source="x.mp4", name=name) for name in given]
    return [config.name for config in name_streams(configs)]


def test_equal_names_are_numbered_and_given_ones_are_kept():
    assert names("a.mp4", "b/a.mp4", "a.avi", given=["a-2"]) == ["a", "a-3", "a-4", "a-2"]
    assert names("a.mp4", "a.mp4", given=["a"]) == ["a-2", "a-3", "a"]


def test_names_that_make_one_name_of_a_file_are_numbered():
    assert names("a:b.mp4", "a*b.mp4", "a_b.mp4") == ["a:b", "a*b-2", "a_b-3"]


@pytest.mark.parametrize("given", [("cam", "cam"), ("a/b", "a_b")])
def test_a_name_that_is_given_twice_is_refused(given):
    with pytest.raises(UsageError, match=f"--name {given[1]} is given twice, or like another"):
        names(given=given)


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("host/live/1", "host_live_1"), ("../../etc/passwd", "_.._etc_passwd"), ("..", "stream"),
        ("{name}", "_name_"), ("a\nb\tc\x1b", "a_b_c_"), ("Tür 3", "Tür 3"), (" . ", "stream"),
        ("C:\\x", "C_x"),
    ],
)  # fmt: skip
def test_the_name_of_a_file_has_no_separators_and_no_control_characters(name, file):
    assert to_file_name(name) == file
    config = fill_in_name(RunConfig(source="a.mp4", name=name, save_txt="out/{name}.{name}"))
    assert config.save_txt == f"out/{file}.{file}"
    assert config.save_video is None


def test_the_name_in_an_address_ends_no_path_and_is_no_wildcard():
    config = RunConfig(source="a #1+2?%41.mp4", publish="mqtt://host/{name}/tracks")
    assert fill_in_name(config).publish == "mqtt://host/a _1_2__41/tracks"

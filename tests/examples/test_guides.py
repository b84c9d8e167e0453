"""What the guides say is to be written, runs: whole scripts, and the options of all commands.

A block of Python that begins with ``# A complete script`` is run, in a folder that has the video of
``mvot-run --demo``, or one like it. Others are fragments, or need a camera: they are compiled.
"""

import re
import runpy
import shlex
import sys

import pytest

from helpers.paths import ROOT
from mvot_benchmarks.cli import build_parser as build_bench_parser
from mvot_pipelines.cli.options import build_parser as build_run_parser
from mvot_pipelines.cluster.cli import build_parser as build_cluster_parser
from mvot_pipelines.sinks import OverlayVideoSink
from mvot_plugin.types import Tracks
from mvot_synthetic import street

MARK = "# A complete script: "
GUIDES = {
    path.stem: path.read_text(encoding="utf-8")
    for path in sorted((ROOT / "docs" / "guides").glob("*.md"))
}
PARSERS = {
    "mvot-run": build_run_parser,
    "mvot-bench": build_bench_parser,
    "mvot-cluster": build_cluster_parser,
}


def read_blocks(language):
    """The blocks of code in a language, each with the name of its guide."""
    pattern = re.compile(rf"^```{language}\n(.*?)^```$", re.MULTILINE | re.DOTALL)
    return [(name, block) for name, text in GUIDES.items() for block in pattern.findall(text)]


def read_commands():
    """The commands that have a parser here, with the name of their guide and without what follows.

    What follows is a pipe, or words such as ``...`` in the middle of a sentence.
    """
    for name, block in read_blocks("bash"):
        for line in block.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            if words and words[0] in PARSERS:
                yield name, words[: words.index("|")] if "|" in words else words


SCRIPTS = [(name, block) for name, block in read_blocks("python") if block.startswith(MARK)]
NAMES = [f"{name}-{block[len(MARK) :].partition(chr(10))[0]}" for name, block in SCRIPTS]
COMMANDS = list(read_commands())
LINES = [" ".join(words) for _, words in COMMANDS]


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    """A folder with ``demo/street.mp4``: a second of a street."""
    folder = tmp_path_factory.mktemp("guides")
    scene = street(seed=3, frames=24)
    path = folder / "demo" / "street.mp4"
    with OverlayVideoSink(path, frame_rate=scene.frame_rate, size=scene.size) as sink:
        for frame in scene:
            sink.write(frame, Tracks.empty())
    return folder


@pytest.mark.parametrize(("name", "script"), SCRIPTS, ids=NAMES)
def test_a_complete_script_runs_and_prints(name, script, video, tmp_path, monkeypatch, capsys):
    (tmp_path / "demo").symlink_to(video / "demo")
    path = tmp_path / script[len(MARK) :].partition("\n")[0]
    path.write_text(script, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [path.name])
    runpy.run_path(str(path), run_name="__main__")
    written = [one for one in tmp_path.iterdir() if one.name not in ("demo", path.name)]
    assert capsys.readouterr().out or written


def test_each_guide_with_python_has_a_complete_script():
    assert len(set(NAMES)) == len(NAMES) > 15
    others = {name for name, _ in read_blocks("python")} - {name for name, _ in SCRIPTS}
    assert others == set()


@pytest.mark.parametrize(("name", "block"), read_blocks("python"))
def test_each_block_of_python_is_python(name, block):
    compile(block, f"{name}.md", "exec")


@pytest.mark.parametrize(("name", "words"), COMMANDS, ids=LINES)
def test_each_command_has_the_options_that_it_is_given(name, words):
    PARSERS[words[0]]().parse_args(words[1:])


def test_commands_are_found_in_nearly_all_guides():
    assert len(COMMANDS) > 40
    assert set(GUIDES) - {name for name, _ in COMMANDS} <= {"containers"}

"""The options that documents show are those of the commands."""

import argparse
import re
from collections.abc import Iterator, Mapping
from functools import cache

import pytest

from helpers.documents import find_commands, list_documents, read_examples
from mvot_benchmarks.cli import build_parser as build_bench
from mvot_pipelines.cli.options import build_parser as build_run
from mvot_pipelines.cluster.cli import build_parser as build_cluster
from mvot_pipelines.export import build_parser as build_export
from mvot_training.cli import build_parser as build_train
from mvot_training.cli import load_stages

PLACEHOLDER = re.compile(r"[A-Z]+|\.\.\.|…|<\w+>")
OPTION = re.compile(r"(?<![\w-])--[a-z][\w-]*")
FOREIGN = {
    *("--dist", "--durations", "--engine-args", "--gpus", "--head", "--port", "--rm", "--shm-size"),
    *("--no-binary", "--clear", "--strict", "--seed", "--group", "--case", "--quick", "--jobs"),
    *("--seconds", "--ulimit", "--network", "--entrypoint", "--user", "--build-arg"),
    *("--hypothesis-seed",),
}
"""Options of other programs that documents name without the program."""
FOREIGN_COMMANDS = re.compile(
    r"^(?:[A-Z_]+=\S+ )*(?:\S*/)?(?:pip|python3?|pytest|docker|podman|kubectl|ray|ruff|mypy|git|apt"
    r"|apt-get|ffmpeg|curl|mkdocs|nvidia-smi|mosquitto\w*|boxmot|yolo|trackers|ssh|build|twine)\b"
)
FOR_OTHERS = ("contributing.md", "changelog.md", "benchmarks/", "reference/")
GUIDES = [
    one
    for one in list_documents()
    if not one.name.startswith(tuple(f"docs/{n}" for n in FOR_OTHERS))
]
"""What tells users which options there are, but for the reference, which is made of them."""


def options_of(parser: argparse.ArgumentParser, *, hidden: bool = True) -> set[str]:
    """The options of a parser, written with two dashes."""
    actions = [one for one in parser._actions if hidden or one.help != argparse.SUPPRESS]
    return {name for one in actions for name in one.option_strings if name.startswith("--")}


def sub_parsers(parser: argparse.ArgumentParser) -> Mapping[str, argparse.ArgumentParser]:
    """The parsers of its sub-commands, by name; nothing for a parser that has none."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            choices: Mapping[str, argparse.ArgumentParser] = action.choices
            return choices
    return {}


@cache
def parsers() -> dict[str, argparse.ArgumentParser]:
    """The parser of each command."""
    return {
        "mvot-run": build_run(),
        "mvot-cluster": build_cluster(),
        "mvot-export": build_export(),
        "mvot-bench": build_bench(),
        "mvot-train": build_train(load_stages()),
    }


@cache
def all_options() -> set[str]:
    """The options of all commands."""
    together = set()
    for parser in parsers().values():
        for one in (parser, *sub_parsers(parser).values()):
            together |= options_of(one)
    return together


def find_faults(name: str, words: list[str]) -> Iterator[str]:
    """What a command line says that the command does not know."""
    if name not in parsers():
        yield f"there is no command {name}"
        return
    parser = parsers()[name]
    known = options_of(parser, hidden=False)
    if subs := sub_parsers(parser):
        sub = next((word for word in words if not word.startswith("-")), "...")
        if sub in subs:
            known = options_of(subs[sub])
        elif PLACEHOLDER.fullmatch(sub):
            known = known.union(*(options_of(one) for one in subs.values()))
        else:
            yield f"{name} has no {sub!r}"
            return
    for word in words:
        found = OPTION.match(word)
        if found and found[0] not in known:
            yield f"{name} {' '.join(words)}: there is no {found[0]}"


@pytest.mark.parametrize("document", [*list_documents(), *read_examples()], ids=lambda d: d.name)
def test_the_commands_of_a_document_have_the_options_that_it_shows(document):
    code = [*(block.text for block in document.blocks), *document.inline]
    faults = [
        fault
        for text in code
        for name, words in find_commands(text)
        for fault in find_faults(name, words)
    ]
    assert not faults


@pytest.mark.parametrize("document", list_documents(), ids=lambda d: d.name)
def test_options_that_a_text_names_exist(document):
    texts = [t for t in document.inline if "mvot-" not in t and not FOREIGN_COMMANDS.match(t)]
    named = {option for text in texts for option in OPTION.findall(text)}
    unknown = named - all_options() - FOREIGN
    assert not unknown


@pytest.mark.parametrize("command", ["mvot-run", "mvot-cluster"])
def test_the_guides_name_every_option(command):
    text = "\n".join(document.text for document in GUIDES)
    named = set(OPTION.findall(text))
    missing = options_of(parsers()[command], hidden=False) - named - {"--help", "--version"}
    assert not missing


def test_unknown_options_are_found():
    text = "```bash\n.venv/bin/mvot-run a.mp4 \\\n  --detect-evry 5 | tee x\nmvot-bench mott\n```"
    found = [fault for command in find_commands(text) for fault in find_faults(*command)]
    assert len(found) == 2
    assert "--detect-evry" in found[0]
    assert "mott" in found[1]
    assert not list(find_faults("mvot-bench", ["mot", "A", "--runs", "3", "--without=all"]))
    assert list(find_faults("mvot-bench", ["vot", "A", "--runs", "3"]))
    (command,) = find_commands('docker run --rm -v "$PWD:/data" mvot-cuda a.mp4 --device cuda')
    assert command == ("mvot-run", ["a.mp4", "--device", "cuda"])
    assert not list(find_commands("pip install mvot-plugin"))

"""The code in documents can be read by what it is for."""

import ast
import json
import re
import subprocess
import sys

import pytest
import yaml

from helpers.documents import Document, list_documents
from helpers.paths import ROOT

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

LANGUAGES = {
    *("bash", "python", "pycon", "yaml", "json", "toml", "text", "ini", "csv", "html", "xml"),
    *("dockerfile", "promql", "diff", "javascript", "markdown", "cpp"),
}


def read_json(text):
    """One value, or one in each line; what is left out may be written as ... there."""
    lines = [line for line in text.splitlines() if line.strip() and line.strip() != "..."]
    try:
        json.loads(text)
    except ValueError:
        for line in lines:
            json.loads(line)


def read_bash(text):
    done = subprocess.run(["bash", "-n"], input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


READERS = {
    "python": ast.parse,
    "yaml": lambda text: list(yaml.safe_load_all(text)),
    "toml": tomllib.loads,
    "json": read_json,
    "bash": read_bash,
}


@pytest.mark.parametrize("document", list_documents(history=True), ids=lambda d: d.name)
def test_code_can_be_read(document):
    for block in document.blocks:
        if block.language in READERS:
            try:
                READERS[block.language](block.text)
            except Exception as error:
                pytest.fail(f"{document.name}: {error}\n{block.text}")


@pytest.mark.parametrize(
    "document",
    [one for one in list_documents() if one.name.startswith("docs/")],
    ids=lambda d: d.name,
)
def test_each_block_of_a_page_says_its_language(document):
    assert not {block.language for block in document.blocks} - LANGUAGES


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 120


def test_faulty_code_is_found():
    text = (
        'Text:\n\n- a\n\n    ```python title="x.py"\n    def f(:\n    ```\n\n~~~yaml\na: [\n~~~\n'
    )
    python, config = Document(ROOT / "README.md", text).blocks
    assert (python.language, python.title, python.text) == ("python", "x.py", "def f(:\n")
    assert config.language == "yaml"
    for block in (python, config):
        with pytest.raises((SyntaxError, yaml.YAMLError)):
            READERS[block.language](block.text)
    with pytest.raises(ValueError, match="Expecting"):
        read_json('{"a": 1}\n{"b": }\n')
    with pytest.raises(AssertionError, match="syntax error"):
        read_bash("for x in; done")


def test_documents_are_read_as_markdown():
    text = '# A `b` c\n\n[d](e.md#f "g"), `[h](i)`.\n\n```text\n# No heading\n[j](k)\n```\n'
    document = Document(ROOT / "README.md", text)
    assert document.anchors == {"a-b-c"}
    assert document.links == ["e.md#f"]
    assert document.inline == ["b", "[h](i)"]
    assert not re.search(r"heading|k", document.prose)

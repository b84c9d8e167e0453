"""The documents of the repository, and what is in them: code, commands, links, headings, words."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path

from helpers.paths import ROOT

DOCS = ROOT / "docs"
OUTSIDE = ("README.md", "CONTRIBUTING.md", "SECURITY.md", "mvot_plugin/pretrained/README.md")
HISTORY = ("CHANGELOG.md",)
"""It tells of options and files that are no more, too."""
_FENCE = re.compile(
    r"^(?P<indent>[ >]*)(?P<fence>`{3,}|~{3,})[ ]*(?P<language>[\w+-]*)(?P<about>[^\n`]*)\n"
    r"(?P<code>.*?)^(?P=indent)(?P=fence)[ ]*$",
    re.MULTILINE | re.DOTALL,
)
_INLINE = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)", re.DOTALL)
_LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(\s*<?([^()\s>]+)>?(?:\s+\"[^\"]*\")?\s*\)")
_DEFINED_LINK = re.compile(r"^ {0,3}\[[^\]]+\]:\s*(\S+)", re.MULTILINE)
_TAG = re.compile(r"<(?:a|img|source|video)\b[^>]*?\b(?:href|src)=\"([^\"]+)\"")
_BARE_URL = re.compile(r"<?(https?://[^\s<>()\]\"'`]+)")
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_HEADING = re.compile(r"^ {0,3}(#{1,6})[ ]+(.+?)[ #]*$", re.MULTILINE)


@dataclass(frozen=True)
class Code:
    """A block of code."""

    language: str
    about: str
    """What stands behind the language, as the title."""
    text: str

    @property
    def title(self) -> str:
        """The name of the file that it is; empty for none."""
        found = re.search(r'title="([^"]+)"', self.about)
        return found[1] if found else ""


@dataclass(frozen=True)
class Document:
    """A document in Markdown, or a notebook as if it were one."""

    path: Path
    text: str

    @property
    def name(self) -> str:
        """Its path in the repository."""
        return self.path.relative_to(ROOT).as_posix()

    @cached_property
    def blocks(self) -> list[Code]:
        """Its blocks of code."""
        return [_read_block(found) for found in _FENCE.finditer(self.text)]

    @cached_property
    def without_blocks(self) -> str:
        """Its text without blocks of code and comments."""
        return _COMMENT.sub("", _FENCE.sub("", self.text))

    @property
    def inline(self) -> list[str]:
        """What is marked as code within its text."""
        return [" ".join(found[2].split()) for found in _INLINE.finditer(self.without_blocks)]

    @property
    def prose(self) -> str:
        """Its words, without code, addresses and names of files."""
        text = _INLINE.sub(" ", self.without_blocks)
        text = _LINK.sub(lambda found: f" {found[2]} ", text)
        return re.sub(r"<[^>]*>|https?://\S+|\S+\.\w{2,5}\b", " ", text)

    @property
    def links(self) -> list[str]:
        """Where its links and images lead."""
        text = _INLINE.sub(_keep_nothing_but_links, self.without_blocks)
        inner = [one for found in _LINK.finditer(text) for one in _LINK.finditer(found[2])]
        links = [found[3] for found in (*_LINK.finditer(text), *inner)]
        return [*links, *_DEFINED_LINK.findall(text), *_TAG.findall(text)]

    @property
    def addresses(self) -> list[str]:
        """The web addresses in its text, those that are no links too, but for code."""
        return [found[1].rstrip(".,;:") for found in _BARE_URL.finditer(self.prose_with_links)]

    @property
    def prose_with_links(self) -> str:
        """Its text without code."""
        return _INLINE.sub(" ", self.without_blocks)

    @cached_property
    def anchors(self) -> set[str]:
        """What links to a place in it may say, on GitHub and on the site."""
        anchors: set[str] = set()
        for _, title in _HEADING.findall(self.without_blocks):
            own = re.search(r"\{#([\w-]+)[^}]*\}", title)
            plain = _plain(re.sub(r"\{[^}]*\}", "", title))
            found = {own[1]} if own else {_github(plain), _site(plain)}
            taken = {f"{one}-1" for one in found} | {f"{one}_1" for one in found}
            anchors |= found if not found & anchors else taken
        return anchors | set(re.findall(r"\b(?:id|name)=\"([^\"]+)\"", self.text))


def _read_block(found: re.Match[str]) -> Code:
    indent, code = found["indent"], found["code"]
    lines = [line.removeprefix(indent) for line in code.splitlines()]
    return Code(found["language"], found["about"], "\n".join(lines) + "\n")


def _keep_nothing_but_links(found: re.Match[str]) -> str:
    """Inline code without brackets, so that `[x](y)` in it is no link."""
    return re.sub(r"[\[\]()]", " ", found[0])


def _plain(title: str) -> str:
    """A heading as it is shown."""
    title = _LINK.sub(lambda found: found[2], title)
    return re.sub(r"[`*]|(?<!\w)_|_(?!\w)", "", title).strip()


def _github(title: str) -> str:
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def _site(title: str) -> str:
    """As python-markdown does."""
    ascii_only = title.encode("ascii", "ignore").decode()
    return re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", ascii_only).strip().lower())


@cache
def read_document(path: Path) -> Document:
    """A document by its path."""
    text = path.read_text(encoding="utf-8")
    return Document(path, _read_notebook(text) if path.suffix == ".ipynb" else text)


def _read_notebook(text: str) -> str:
    """A notebook's cells as Markdown, without what they have printed."""
    parts = []
    for cell in json.loads(text)["cells"]:
        source = "".join(cell["source"])
        parts.append(source if cell["cell_type"] == "markdown" else _format_cell(source))
    return "\n\n".join(parts) + "\n"


def _format_cell(source: str) -> str:
    """A cell of code: what it gives to the shell, and the rest."""
    if source.startswith("%%"):
        return f"```bash\n{source.partition(chr(10))[2]}\n```"
    lines = source.splitlines()
    shell = [line[1:].strip() for line in lines if line.startswith(("!", "%"))]
    python = [line for line in lines if not line.startswith(("!", "%"))]
    blocks = [("bash", shell), ("python", python)]
    return "\n\n".join(f"```{name}\n" + "\n".join(code) + "\n```" for name, code in blocks if code)


def list_documents(*, history: bool = False) -> list[Document]:
    """All documents, in an order that does not change."""
    outside = (*OUTSIDE, *HISTORY) if history else OUTSIDE
    inside = (path for kind in ("md", "ipynb") for path in DOCS.rglob(f"*.{kind}"))
    paths = sorted(path for path in inside if ".ipynb_checkpoints" not in path.parts)
    return [read_document(path) for path in (*(ROOT / name for name in outside), *paths)]


def read_examples() -> list[Document]:
    """The texts at the head of the examples, as documents of a block of code each."""
    documents = []
    for path in sorted((ROOT / "examples").glob("*.py")):
        head = path.read_text(encoding="utf-8").split('"""')[1]
        documents.append(replace(read_document(path), text=f"```text\n{head}\n```\n"))
    return documents


_COMMAND = re.compile(r"(?:^|[\s(\"'/])(mvot-[a-z]+)(?=\s|$)(.*)")
_CONTAINER = re.compile(r"\s*docker run .*\smvot(?:-cuda)? (.*)")
_OTHER = re.compile(r"\s*(?:\S*pip|docker)\s")


def find_commands(text: str) -> Iterator[tuple[str, list[str]]]:
    """The commands ``mvot-...`` in a text of code: each one's name, and its words.

    A container of ours runs ``mvot-run``.
    """
    joined = re.sub(r"\\\n\s*", " ", text)
    for line in joined.splitlines():
        for part in re.split(r"&&|\|\||[|;]|\s#\s", line):
            if found := _CONTAINER.match(part):
                yield "mvot-run", _split(found[1])
            elif (found := _COMMAND.search(part)) and not _OTHER.match(part):
                yield found[1], _split(found[2])


def _split(words: str) -> list[str]:
    return re.sub(r"[\"'()\[\],]", " ", words).split()

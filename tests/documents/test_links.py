"""Links lead somewhere, pictures are there and are used, paths that are named exist."""

import importlib.util
import re
from urllib.parse import unquote, urlsplit

import pytest

from helpers.documents import DOCS, list_documents, read_document
from helpers.paths import ROOT

IMAGES = DOCS / "images"
DIAGRAMS = DOCS / "diagrams"
GENERATED = {DOCS / "reference" / "commands.md", DOCS / "reference" / "settings.md"}
"""Pages that are made while the site is built."""
PACKAGES = {
    "mvot_synthetic": "synthetic",
    "mvot_pipelines": "pipelines",
    "mvot_benchmarks": "benchmarks",
    "mvot_training": "training",
}
PATH = re.compile(
    r"(?:mvot_plugin|mvot_synthetic|mvot_pipelines|mvot_benchmarks|mvot_training|docs|tests|examples"
    r"|benchmarks|synthetic/mvot_synthetic|pipelines/mvot_pipelines|training/mvot_training|docker"
    r"|\.ci)/[\w./*-]*"
)
DOCUMENTS = list_documents(history=True)
every_document = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda d: d.name)


def is_on_the_web(link):
    return re.match(r"[a-z]+:|//", link) is not None


def resolves(document, link):
    """Whether a relative link leads to a file of the repository, and to a place in it."""
    path, _, anchor = unquote(link).partition("#")
    target = (document.path.parent / path).resolve() if path else document.path
    if target in GENERATED:
        return True
    if not target.exists() or not target.is_relative_to(ROOT):
        return False
    return not anchor or target.suffix != ".md" or anchor in read_document(target).anchors


@every_document
def test_relative_links_resolve(document):
    relative = [link for link in document.links if not is_on_the_web(link)]
    assert not [link for link in relative if not resolves(document, link)]


@every_document
def test_links_to_the_web_are_whole_and_encrypted(document):
    addresses = {*filter(is_on_the_web, document.links), *document.addresses}
    for address in addresses:
        parts = urlsplit(address)
        if parts.scheme == "mailto" or parts.hostname in ("localhost", "127.0.0.1"):
            continue
        assert parts.scheme == "https", address
        assert re.fullmatch(r"[\w-]+(\.[\w-]+)+", parts.netloc), address
        assert not re.search(r"[\s\\^`{|}]|%(?![0-9A-Fa-f]{2})", address), address


def test_every_picture_is_used():
    places = [one.path for one in DOCUMENTS]
    places += [*DOCS.rglob("*.css"), *DOCS.glob("*.py"), ROOT / "mkdocs.yml"]
    text = "\n".join(path.read_text(encoding="utf-8") for path in places if path.is_file())
    pictures = [path for path in IMAGES.iterdir() if path.is_file()]
    assert len(pictures) > 3
    assert not [path.name for path in pictures if f"images/{path.name}" not in text]


def exists(name):
    """Whether a path, or any that a pattern stands for, is in the repository."""
    top, _, rest = name.partition("/")
    name = f"{PACKAGES[top]}/{name}" if top in PACKAGES else name
    if "*" in rest:
        return any(ROOT.glob(name))
    return (ROOT / name).exists()


@pytest.mark.parametrize("document", list_documents(), ids=lambda d: d.name)
def test_paths_that_are_named_exist(document):
    names = {text for text in document.inline if PATH.fullmatch(text)}
    assert not [name for name in names if not exists(name) and not has_placeholder(name)]


def has_placeholder(name):
    """Whether a path has a part that the reader fills in, such as NAME.json."""
    return any(re.match(r"[A-Z]{2,}\b", part) and part[:6] != "README" for part in name.split("/"))


def draw_module():
    """The module ``docs/diagrams/draw.py``."""
    spec = importlib.util.spec_from_file_location("draw", DIAGRAMS / "draw.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("source", sorted(DIAGRAMS.glob("*.dot")), ids=lambda path: path.stem)
def test_a_diagram_is_drawn_from_its_source(source):
    drawing = IMAGES / f"{source.stem}.svg"
    remedy = f"python docs/diagrams/draw.py {source.stem}"
    assert drawing.is_file(), remedy
    mark = f"docs/diagrams/{source.name}, SHA-256 {draw_module().hash_source(source)} "
    assert mark in drawing.read_text(encoding="utf-8"), remedy


def test_every_diagram_has_its_source():
    for drawing in IMAGES.glob("*.svg"):
        named = re.search(r"docs/diagrams/([\w.-]+), SHA-256", drawing.read_text(encoding="utf-8"))
        assert named is None or (DIAGRAMS / named[1]).is_file(), drawing.name


def test_broken_links_are_found():
    page = DOCS / "contributing.md"
    document = read_document(page)
    assert resolves(document, "#the-gate")
    assert not resolves(document, "#the-gates")
    assert resolves(document, "../README.md#install-and-see-it-work")
    assert not resolves(document, "nothing.md")
    assert not exists("tests/nothing.py")
    assert exists("mvot_pipelines/pipeline.py")
    assert exists("docs/diagrams/*.py")

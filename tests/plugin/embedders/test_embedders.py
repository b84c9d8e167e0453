import sys

import numpy as np
import pytest

from mvot_plugin.embedders import (
    ColourEmbedder,
    as_embedder,
    embed_boxes,
    embedder_names,
    load_embedder,
)
from mvot_plugin.errors import InputError, UsageError
from mvot_plugin.types import Frame

FRAME = Frame(image=np.zeros((48, 64, 3), np.uint8), index=7, timestamp=0.0)
BOXES = np.array([[0, 0, 9, 9], [5, 5, 20, 20]], np.float32)
NO_BOXES = BOXES[:0]


def answer(value):
    return lambda frame, boxes: value


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Install a package with an embedder ``gait`` into a folder on the import path."""

    def install(body: str) -> None:
        (tmp_path / "gaits.py").write_text(body)
        info = tmp_path / "gaits-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: gaits\nVersion: 1.0\n")
        entries = "[mvot_plugin.embedders]\ngait = gaits:make\n"
        (info / "entry_points.txt").write_text(entries)
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.delitem(sys.modules, "gaits", raising=False)

    return install


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_embeddings_are_scaled_to_unit_length(dtype):
    rows = embed_boxes(answer(np.array([[3, 4], [0, 0]], dtype)), FRAME, BOXES)
    assert rows.dtype == np.float32
    assert np.allclose(rows, [[0.6, 0.8], [0, 0]])


def test_very_large_and_very_small_embeddings_are_scaled_too():
    rows = np.array([[3e30, 4e30], [3e-30, 4e-30]], np.float32)
    assert np.allclose(embed_boxes(answer(rows), FRAME, BOXES), [[0.6, 0.8]] * 2)


def test_an_embedder_gets_the_frame_and_the_boxes():
    def embed(frame, boxes):
        return np.stack([boxes[:, 0] + 1, np.full(len(boxes), frame.index)], axis=1)

    expected = np.array([[1, 7], [6, 7]]) / np.sqrt([[50], [85]])
    assert np.allclose(embed_boxes(embed, FRAME, BOXES), expected)


def test_an_embedder_is_not_called_for_no_boxes():
    def embed(frame, boxes):
        raise AssertionError

    assert embed_boxes(embed, FRAME, NO_BOXES).shape == (0, 0)
    embed.dimensions = 5
    assert embed_boxes(embed, FRAME, NO_BOXES).shape == (0, 5)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (np.ones((3, 4)), ["shape (2, D)", "float64 (3, 4)"]),
        (np.ones(2), ["float64 (2,)"]),
        (np.ones((2, 2, 1)), ["(2, 2, 1)"]),
        (np.ones((2, 4), np.int64), ["floating-point", "int64 (2, 4)"]),
        (None, ["object ()"]),
        (np.array([[1, np.nan], [0, 1]]), ["frame 7", "NaN or infinity"]),
        (np.array([[1, np.inf], [0, 1]]), ["NaN or infinity"]),
    ],
)
def test_a_wrong_answer_is_described_in_one_sentence(value, words):
    with pytest.raises(InputError) as caught:
        embed_boxes(answer(value), FRAME, BOXES)
    for word in words:
        assert word in str(caught.value)


def test_an_embedder_that_raises_is_reported_with_the_frame():
    def embed(frame, boxes):
        raise ValueError("no camera")

    with pytest.raises(InputError, match=r"failed on frame 7 \(ValueError: no camera\)"):
        embed_boxes(embed, FRAME, BOXES)


def test_an_error_for_the_user_is_passed_on():
    def embed(frame, boxes):
        raise UsageError("buy a licence")

    with pytest.raises(UsageError, match=r"^buy a licence$"):
        embed_boxes(embed, FRAME, BOXES)


def test_embedders_are_loaded_by_name():
    assert isinstance(load_embedder("colour"), ColourEmbedder)
    assert load_embedder("none") is None
    assert embedder_names() == ["colour", "none"]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("color", ["unknown embedder 'color'", "did you mean 'colour'?"]),
        ("osnet.pt", ["colour, none", ".onnx"]),
        ("", ["colour, none"]),
    ],
)
def test_an_unknown_name_is_answered_with_what_is_possible(name, words):
    with pytest.raises(UsageError) as caught:
        load_embedder(name)
    for word in words:
        assert word in str(caught.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"osnet\.onnx: there is no such file"):
        load_embedder(tmp_path / "osnet.onnx")


def test_any_callable_is_an_embedder_and_none_is_no_embedder():
    embed = answer(np.ones((2, 4)))
    assert as_embedder(embed) is embed
    assert as_embedder(None) is None
    assert as_embedder("none") is None
    assert isinstance(as_embedder("colour"), ColourEmbedder)
    with pytest.raises(UsageError, match="got int"):
        as_embedder(3)


def test_an_installed_package_adds_an_embedder(package):
    package(
        "import numpy as np\n"
        "def make(*, threads):\n"
        "    return lambda frame, boxes: np.full((len(boxes), 2), float(threads))\n"
    )
    assert embedder_names() == ["colour", "gait", "none"]
    embedder = load_embedder("gait", threads=3)
    assert embedder(FRAME, BOXES).tolist() == [[3, 3], [3, 3]]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("import no_such_library", "embedder 'gait' of the package 'gaits' does not work"),
        ("def make(*, threads): return 3", "embedder 'gait' must be callable"),
    ],
)
def test_a_broken_package_is_named(package, body, words):
    package(body)
    with pytest.raises(InputError, match=words):
        load_embedder("gait")

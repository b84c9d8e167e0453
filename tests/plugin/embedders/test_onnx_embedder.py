"""The embedder from an ONNX file, on graphs whose answer is known."""

import cv2
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from mvot_plugin.embedders import OnnxEmbedder, embed_boxes, load_embedder
from mvot_plugin.errors import InputError, UsageError
from mvot_plugin.types import Frame

MEAN, DEVIATION = np.array([123.675, 116.28, 103.53]), np.array([58.395, 57.12, 57.375])
IMAGE = np.random.default_rng(0).integers(0, 256, (60, 80, 3), np.uint8)
IMAGE = cv2.GaussianBlur(IMAGE, (0, 0), 3)
FRAME = Frame(image=IMAGE, index=0, timestamp=0.0)
BOXES = np.array([[4, 6, 12, 22], [30, 2, 70, 58], [60, 40, 99, 99], [0, 0, 5, 5]], np.float32)
KINDS = {"float32": TensorProto.FLOAT, "float16": TensorProto.FLOAT16, "uint8": TensorProto.UINT8}


@pytest.fixture
def write(tmp_path):
    """Write a graph that answers each crop with the mean of its channels."""

    def write_graph(shape=("n", 3, 16, 8), *, axes=(2, 3), dtype="float32", keep=0, inputs=1):
        images = [
            helper.make_tensor_value_info(f"images{i}", KINDS[dtype], shape) for i in range(inputs)
        ]
        vectors = helper.make_tensor_value_info("vectors", TensorProto.FLOAT, None)
        nodes = [
            helper.make_node("Cast", ["images0"], ["floats"], to=TensorProto.FLOAT),
            helper.make_node("ReduceMean", ["floats"], ["vectors"], axes=axes, keepdims=keep),
        ]
        graph = helper.make_graph(nodes, "means", images, [vectors])
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        onnx.save(model, tmp_path / "means.onnx")
        return tmp_path / "means.onnx"

    return write_graph


def mean_of(pixels):
    """The mean RGB of BGR pixels, as the network sees it."""
    return (pixels.reshape(-1, 3).mean(axis=0)[::-1] - MEAN) / DEVIATION


def test_each_box_is_cropped_inside_the_frame_resized_and_normalized(write):
    embeddings = OnnxEmbedder(write())(FRAME, BOXES)
    assert embeddings.dtype == np.float32
    inside = [IMAGE[6:22, 4:12], IMAGE[2:58, 30:70], IMAGE[40:60, 60:80], IMAGE[:5, :5]]
    expected = np.stack([mean_of(pixels) for pixels in inside])
    assert np.allclose(embeddings[0], expected[0], atol=1e-4)
    assert np.allclose(embeddings, expected, atol=0.05)
    assert not np.allclose(embeddings[:, ::-1], expected, atol=0.05)


@pytest.mark.parametrize(
    ("shape", "axes"),
    [
        ((1, 3, 16, 8), (2, 3)),
        ((3, 3, 16, 8), (2, 3)),
        (("n", 16, 8, 3), (1, 2)),
        ((1, 16, 8, 3), (1, 2)),
    ],
    ids=["one by one", "batches of three", "channels last", "channels last, one by one"],
)
@pytest.mark.parametrize("threads", [1, 2])
def test_any_layout_and_batch_gives_the_same(write, shape, axes, threads):
    boxes = np.concatenate([BOXES] * 10)
    expected = OnnxEmbedder(write(), threads=1)(FRAME, boxes)
    embedder = OnnxEmbedder(write(shape, axes=axes), threads=threads)
    assert np.allclose(embedder(FRAME, boxes), expected, atol=1e-5)


def test_boxes_together_are_the_boxes_one_by_one(write):
    embedder = OnnxEmbedder(write(), threads=2)
    single = [embedder(FRAME, BOXES[[row]]) for row in range(len(BOXES))]
    assert np.allclose(embedder(FRAME, BOXES), np.concatenate(single), atol=1e-6)


def test_crops_for_an_input_of_any_size_are_256_by_128(write):
    path = write((1, 3, "height", "width"), axes=(1,), keep=1)
    with pytest.raises(InputError, match=r"\(1, 1, 256, 128\)"):
        OnnxEmbedder(path)
    embedder = OnnxEmbedder(write((1, 3, "height", "width")))
    assert np.allclose(embedder(FRAME, BOXES[:1])[0], mean_of(IMAGE[6:22, 4:12]), atol=0.05)


def test_an_input_of_bytes_takes_them_as_they_are(write):
    embedding = OnnxEmbedder(write(dtype="uint8"))(FRAME, BOXES[:1])[0]
    assert np.allclose(embedding, IMAGE[6:22, 4:12].reshape(-1, 3).mean(axis=0)[::-1], atol=1e-3)


def test_dimensions_of_size_one_are_left_out(write):
    embedder = OnnxEmbedder(write(keep=1))
    assert embedder.dimensions == 3
    assert embedder(FRAME, BOXES).shape == (4, 3)


def test_no_boxes_have_no_embeddings_of_the_same_dimensions(write):
    embedder = OnnxEmbedder(write())
    assert embedder(FRAME, BOXES[:0]).shape == (0, 3)
    assert embed_boxes(embedder, FRAME, BOXES[:0]).shape == (0, 3)


def test_a_box_outside_the_frame_shows_its_nearest_pixel(write):
    boxes = np.array([[200, 10, 220, 11], [-9, -9, -5, -5]], np.float32)
    embeddings = OnnxEmbedder(write())(FRAME, boxes)
    expected = [mean_of(IMAGE[10, 79]), mean_of(IMAGE[0, 0])]
    assert np.allclose(embeddings, expected, atol=1e-4)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"shape": ("n", 1, 16, 8)}, r"takes images0 \(n, 1, 16, 8\).*\(N, 3, height, width\)"),
        ({"shape": ("n", 3), "axes": (1,)}, "takes images0"),
        ({"inputs": 2}, "takes images0 .*images1"),
        ({"axes": (1,)}, r"answers 2 crops with \(2, 16, 8\).*\(N, D\)"),
        ({"axes": (0,)}, r"answers 2 crops with \(3, 16, 8\)"),
    ],
    ids=["grey", "no image", "two inputs", "a map", "no batch"],
)
def test_a_network_of_another_kind_is_refused(write, options, words):
    with pytest.raises(InputError, match=words):
        OnnxEmbedder(write(**options))


def test_a_damaged_or_missing_file_is_named(tmp_path):
    (tmp_path / "bad.onnx").write_bytes(b"no graph")
    with pytest.raises(InputError, match=r"bad\.onnx: is no ONNX file"):
        OnnxEmbedder(tmp_path / "bad.onnx")
    with pytest.raises(InputError, match=r"gone\.onnx: there is no such file"):
        OnnxEmbedder(tmp_path / "gone.onnx")


def test_threads_below_one_are_refused(write):
    with pytest.raises(UsageError, match="threads"):
        OnnxEmbedder(write(), threads=0)


def test_it_is_loaded_by_its_path(write):
    for path in (write(), str(write())):
        assert isinstance(load_embedder(path, threads=1), OnnxEmbedder)

"""What holds for all exports: sizes, number formats, options, and files that cannot be used."""

import numpy as np
import onnx
import pytest

from helpers.plugin.onnx_graphs import FRAME, RGB, table_of, write_graph
from mvot_pipelines.cli import main
from mvot_plugin.detectors import OnnxDetector, as_detector, load_detector
from mvot_plugin.errors import InputError, UsageError

ROWS = {1: [32.0, 32.0, 8.0, 8.0, 0.9, 0.0]}
NAMES = {"names": "{0: 'person', 1: 'dog'}", "task": "detect", "stride": "32"}


def yolo(path, *, table=None, **options):
    """A YOLO with two classes that finds a person of 15x15 pixels in the middle of the frame."""
    output = {"output0": table_of(84, ROWS).transpose(0, 2, 1).copy()} if table is None else table
    return write_graph(path, output, **{"metadata": NAMES, **options})


@pytest.fixture
def model(tmp_path):
    return yolo(tmp_path / "model.onnx")


def test_a_path_is_a_detector_by_its_ending(model, tmp_path):
    for detector in (as_detector(model), as_detector(str(model)), load_detector(str(model))):
        assert isinstance(detector, OnnxDetector)
        assert detector(FRAME).xyxy == pytest.approx(np.array([[52.5, 22.5, 67.5, 37.5]]))
    assert isinstance(load_detector(str(yolo(tmp_path / "CAPITAL.ONNX"))), OnnxDetector)


def test_options_reach_it_from_the_loader(model):
    assert len(load_detector(str(model), conf=0.95)(FRAME)) == 0
    assert len(load_detector(str(model), classes="dog", threads=1, device="cpu")(FRAME)) == 0
    with pytest.raises(UsageError, match="unknown class 'cat': choose from dog, person"):
        load_detector(str(model), classes="cat")
    with pytest.raises(UsageError, match="--threads must be 1 or more"):
        load_detector(str(model), threads=0)


@pytest.mark.parametrize("option", ["conf", "iou"])
def test_shares_that_cannot_be_are_refused(model, option):
    with pytest.raises(UsageError, match=f"{option} is a number from 0 to 1, got 30"):
        OnnxDetector(model, **{option: 30.0})


@pytest.mark.parametrize(
    ("dtype", "shape", "pixel"),
    [
        ("float16", (1, 3, 64, 64), np.divide(RGB, 255)),
        ("float32", (1, 64, 64, 3), np.divide(RGB, 255)),
        ("uint8", (1, 3, 64, 64), RGB),
        ("uint8", (1, 64, 64, 3), RGB),
    ],
)
def test_images_come_in_the_number_format_and_layout_that_is_asked_for(
    tmp_path, dtype, shape, pixel
):
    table = table_of(84, ROWS).transpose(0, 2, 1).astype(dtype.replace("uint8", "float32"))
    options = {"pixel": pixel, "otherwise": {"output0": np.zeros_like(table)}}
    path = yolo(tmp_path / "a.onnx", table={"output0": table}, dtype=dtype, shape=shape, **options)
    found = OnnxDetector(path)(FRAME)
    assert found.xyxy == pytest.approx(np.array([[52.5, 22.5, 67.5, 37.5]]))
    assert found.confidence == pytest.approx([0.9], abs=1e-3)


def test_an_input_of_any_size_is_no_larger_than_the_frame_needs(tmp_path):
    shape = ("batch", 3, "height", "width")
    path = yolo(tmp_path / "a.onnx", shape=shape, metadata={**NAMES, "imgsz": "[240, 240]"})
    # scaled by 2 to 240x120, in an input of 256x128: 8 columns and 4 rows on either side
    expected = np.array([[(28 - 8) / 2, (28 - 4) / 2, (36 - 8) / 2, (36 - 4) / 2]])
    assert OnnxDetector(path)(FRAME).xyxy == pytest.approx(expected)
    # scaled by 1, in an input of 128x64: 4 columns and 2 rows
    expected = np.array([[28 - 4, 28 - 2, 36 - 4, 36 - 2]])
    assert OnnxDetector(path, image_size=120)(FRAME).xyxy == pytest.approx(expected)


def test_an_input_of_one_size_takes_no_other(model):
    assert len(OnnxDetector(model, image_size=64)(FRAME)) == 1
    with pytest.raises(UsageError, match="takes images of 64x64 only"):
        OnnxDetector(model, image_size=128)


@pytest.mark.parametrize(
    ("outputs", "words"),
    [
        ({"logits": np.zeros((1, 1000), np.float32)}, r"with logits \(1, 1000\); the exports that"),
        (
            {"a": np.zeros((1, 255, 8, 8), np.float32), "b": np.zeros((1, 255, 4, 4), np.float32)},
            r"with a \(1, 255, 8, 8\), b \(1, 255, 4, 4\); the exports that are understood are",
        ),
        ({"output": np.full((1, 84, 84), 7, np.float32)}, r"with output \(1, 84, 84\)"),
    ],
    ids=["classifier", "heads", "logits"],
)
def test_an_export_that_is_not_understood_is_described(tmp_path, outputs, words):
    path = yolo(tmp_path / "odd.onnx", table=outputs, metadata=None)
    with pytest.raises(InputError, match=rf"odd\.onnx: answers an image of 64x64 {words}"):
        OnnxDetector(path)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"shape": (1, 1, 64, 64)}, r"takes images \(1, 1, 64, 64\); a detector takes one image"),
        ({"more_inputs": {"scale": (1, 2)}}, r"takes images \(1, 3, 64, 64\), scale \(1, 2\)"),
        ({"shape": (4, 3, 64, 64)}, "takes 4 images at once; export it for a batch of 1"),
        ({"metadata": {"task": "classify"}}, "is a model for the task 'classify'; use a detec"),
    ],
    ids=["grey", "two inputs", "batch", "classifier"],
)
def test_a_model_that_is_no_detector_says_why(tmp_path, options, words):
    path = yolo(tmp_path / "odd.onnx", **options)
    with pytest.raises(InputError, match=rf"odd\.onnx: {words}"):
        OnnxDetector(path)


def test_a_model_whose_answer_is_nan_is_refused(tmp_path):
    path = yolo(tmp_path / "a.onnx", table={"output0": np.full((1, 6, 84), -1, np.float32)})
    model = onnx.load(path)
    node = next(node for node in model.graph.node if "output0" in node.output)
    node.output[list(node.output).index("output0")] = "negative"
    model.graph.node.append(onnx.helper.make_node("Sqrt", ["negative"], ["output0"]))
    onnx.save(model, path)
    with pytest.raises(InputError, match=r"a\.onnx: answers noise with NaN in 'output0'"):
        OnnxDetector(path)


@pytest.mark.parametrize("content", [None, b"", b"a: [1"], ids=["missing", "empty", "damaged"])
def test_a_file_that_is_no_graph_gets_one_sentence(tmp_path, content, capfd):
    path = tmp_path / "bad.onnx"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=r"bad\.onnx: ") as caught:
        load_detector(str(path))
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


def test_mvot_run_takes_it(model, tmp_path, image_folder):
    tracks = tmp_path / "tracks.txt"
    options = ["--detector", str(model), "--save-txt", str(tracks), "--quiet", "--engine", "hold"]
    assert main([str(image_folder), *options, "--detect-every", "2"]) == 0
    rows = [line.split(",")[:6] for line in tracks.read_text().splitlines()]
    assert [row[0] for row in rows] == ["1", "2", "3"]
    assert [float(value) for value in rows[0][2:]] == pytest.approx([53.5, 23.5, 15, 15])

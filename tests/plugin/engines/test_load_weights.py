"""Loading of engines with weights of others: what does not track is refused, in one sentence."""

import json
import shutil

import numpy as np
import onnx
import pytest
from onnx import helper

from mvot_plugin.engines import load_engine
from mvot_plugin.errors import InputError
from mvot_plugin.runtimes.files import DESCRIPTION, shipped_graphs


@pytest.fixture
def folder(tmp_path):
    """A copy of the graphs of `siammotion-n`."""
    return shutil.copytree(shipped_graphs("siammotion-n"), tmp_path / "graphs")


def load_error(folder):
    with pytest.raises(InputError) as raised:
        load_engine("siammotion-n", str(folder), threads=1)
    message = str(raised.value)
    assert message.startswith(str(folder))
    assert "\n" not in message
    return message.removeprefix(str(folder))


def test_a_copy_of_the_graphs_is_loaded(folder):
    assert load_engine("siammotion-n", str(folder), threads=1).trained


@pytest.mark.parametrize("name", ["features", "enroll", "compare"])
def test_a_missing_graph_is_named(name, folder):
    (folder / f"{name}.onnx").unlink()
    assert f"has no graph '{name}'" in load_error(folder)


def test_graphs_of_another_network_are_refused(folder):
    shutil.copy(shipped_graphs("siammt") / "features.onnx", folder)
    assert load_error(folder).startswith(": its network cannot be run: ")


def test_graphs_that_answer_with_no_number_are_refused(folder):
    path = folder / "compare.onnx"
    model = onnx.load(str(path))
    found = model.graph.output[1].name
    for node in model.graph.node:
        node.output[:] = ["hidden" if name == found else name for name in node.output]
    model.graph.node.append(helper.make_node("Sqrt", ["below"], [found]))
    model.graph.node.insert(
        len(model.graph.node) - 1, helper.make_node("Sub", ["hidden", "nine"], ["below"])
    )
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.float32(9), "nine"))
    onnx.save(model, str(path))
    assert load_error(folder) == ": its network answers with numbers that are NaN or infinite"


@pytest.mark.parametrize(
    ("setting", "value", "message"),
    [
        ("search_bins", 10**9, "must be 64 or less"),
        ("known", 0, "must be 2 or more"),
        ("context", float("nan"), "'context' must be"),
        ("calibration", [float("inf"), 0], "'calibration' must be"),
        ("ratios", [1.0], "unknown siammotion-n setting 'ratios'"),
        ("exemplar_kept", 33, "must be 16 or less"),
        ("search_bins", 18, "its network cannot be run"),
        ("width", "9" * 5000, "must be int"),
    ],
)
def test_a_setting_that_is_out_of_range_or_does_not_fit_is_refused(setting, value, message, folder):
    path = folder / DESCRIPTION
    description = json.loads(path.read_text())
    description["config"][setting] = value
    path.write_text(json.dumps(description))
    assert message in load_error(folder)


@pytest.mark.parametrize(
    "content", [b"", b"[" * 100_000, b"9" * 5000, b"[]", b"\xff", b'{"kind": 5}']
)
def test_a_damaged_description_is_named(content, folder):
    (folder / DESCRIPTION).write_bytes(content)
    assert load_error(folder).startswith(f"/{DESCRIPTION}: ")


def test_a_description_that_is_far_too_long_is_not_read(folder):
    with (folder / DESCRIPTION).open("wb") as file:
        file.truncate(1 << 40)
    assert "bytes, and a file at most" in load_error(folder)


@pytest.mark.parametrize("weights", ["/dev/zero", "w" * 5000, "a\0b"])
def test_what_is_no_file_of_weights_is_refused(weights):
    with pytest.raises(InputError, match=r"weights file|cannot be read"):
        load_engine("siammotion-n", weights)

"""What ONNX files of others may hold: no NaN, no files elsewhere, no run without end."""

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from mvot_plugin.errors import InputError
from mvot_plugin.runtimes import graph as graph_module
from mvot_plugin.runtimes import onnx_file
from mvot_plugin.runtimes.graph import Graph
from mvot_plugin.runtimes.graph_network import GraphNetwork
from mvot_plugin.runtimes.onnx_file import list_external_files, read_onnx

BAD, GOOD = np.array([1, np.nan], np.float32), np.array([1, np.inf], np.float32)


def value(name, kind=TensorProto.FLOAT, shape=(2,)):
    return helper.make_tensor_value_info(name, kind, shape)


@pytest.fixture
def write(tmp_path):
    """Write a graph of one argument x of 2 numbers and one result y."""

    def write_graph(nodes, tensors=()):
        graph = helper.make_graph(nodes, "small", [value("x")], [value("y")], list(tensors))
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        path = tmp_path / "small.onnx"
        path.write_bytes(model.SerializeToString())
        return path

    return write_graph


def add_weights(values, where):
    """The nodes and weights of x + weights; these lie in an initializer, a node or a branch."""
    tensor = numpy_helper.from_array(values, "weights")
    add = helper.make_node("Add", ["x", "weights"], ["y"])
    if where == "initializer":
        return [add], [tensor]
    node = helper.make_node("Constant", [], ["weights"], value=tensor)
    if where == "node":
        return [node, add], []
    branch = helper.make_graph([node], "branch", [], [value("weights")])
    condition = numpy_helper.from_array(np.array(True), "yes")
    choose = helper.make_node("If", ["yes"], ["weights"], then_branch=branch, else_branch=branch)
    return [choose, add], [condition]


@pytest.mark.parametrize("where", ["initializer", "node", "branch"])
@pytest.mark.parametrize("kind", [np.float32, np.float16, np.float64])
def test_a_nan_among_the_weights_is_named(where, kind, write):
    nodes, tensors = add_weights(BAD.astype(kind), where)
    with pytest.raises(InputError, match=r"small\.onnx: its tensor 'weights' holds a NaN"):
        Graph(write(nodes, tensors))


def test_infinite_weights_are_masks_of_detectors(write):
    (found,) = Graph(write(*add_weights(GOOD, "initializer")))(np.zeros(2, np.float32))
    assert np.array_equal(found, GOOD)


def external(location, **entries):
    tensor = TensorProto(name="weights", data_type=TensorProto.FLOAT, dims=[2])
    tensor.data_location = TensorProto.EXTERNAL
    for key, entry in {"location": location, **entries}.items():
        tensor.external_data.add(key=key, value=str(entry))
    return tensor


@pytest.mark.parametrize(
    "location", ["../weights.bin", "/etc/passwd", "loop", "", "a\0b", "a" * 5000, "gone.bin"]
)
def test_weights_elsewhere_are_not_read(location, write, tmp_path):
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path.parent / "weights.bin").write_bytes(GOOD.tobytes())
    nodes, _ = add_weights(BAD, "initializer")
    with pytest.raises(InputError, match=r"small\.onnx: its tensor 'weights' lies in .* no file"):
        Graph(write(nodes, [external(location)]))


def test_weights_beside_the_file_are_read(write, tmp_path):
    (tmp_path / "weights.bin").write_bytes(GOOD.tobytes())
    nodes, _ = add_weights(BAD, "initializer")
    (found,) = Graph(write(nodes, [external("weights.bin")]))(np.zeros(2, np.float32))
    assert np.array_equal(found, GOOD)


def test_files_may_be_links_as_in_a_cache_of_hugging_face(write, tmp_path):
    nodes, _ = add_weights(BAD, "initializer")
    blobs, snapshot = tmp_path / "blobs", tmp_path / "snapshots" / "1"
    blobs.mkdir()
    snapshot.mkdir(parents=True)
    write(nodes, [external("m.onnx.data")]).rename(blobs / "aaa")
    (blobs / "bbb").write_bytes(GOOD.tobytes())
    (snapshot / "m.onnx").symlink_to("../../blobs/aaa")
    (snapshot / "m.onnx.data").symlink_to("../../blobs/bbb")
    (found,) = Graph(snapshot / "m.onnx")(np.zeros(2, np.float32))
    assert np.array_equal(found, GOOD)
    assert list_external_files(snapshot / "m.onnx") == {snapshot / "m.onnx.data"}


def test_a_nan_in_a_file_of_its_own_is_named(write, tmp_path):
    (tmp_path / "weights.bin").write_bytes(GOOD.tobytes() + BAD.tobytes())
    nodes, _ = add_weights(BAD, "initializer")
    write(nodes, [external("weights.bin", offset=0, length=8)])
    model = read_onnx(tmp_path / "small.onnx")
    assert np.array_equal(numpy_helper.to_array(model.graph.initializer[0]), GOOD)
    with pytest.raises(InputError, match=r"small\.onnx: its tensor 'weights' holds a NaN"):
        Graph(write(nodes, [external("weights.bin", offset=8, length=8)]))


@pytest.mark.parametrize(
    "entries", [{"offset": -4}, {"offset": 4, "length": 8}, {"offset": 99}, {"length": "much"}]
)
def test_a_tensor_that_its_file_does_not_hold_is_damaged(entries, write, tmp_path):
    (tmp_path / "weights.bin").write_bytes(GOOD.tobytes())
    nodes, _ = add_weights(BAD, "initializer")
    with pytest.raises(InputError, match="'weights' is damaged"):
        Graph(write(nodes, [external("weights.bin", **entries)]))


def test_tensors_in_files_of_their_own_have_at_most_2_gib_together(write, tmp_path, monkeypatch):
    monkeypatch.setattr(onnx_file, "MOST_BYTES", 15)
    (tmp_path / "weights.bin").write_bytes(GOOD.tobytes())
    nodes, _ = add_weights(BAD, "initializer")
    with pytest.raises(InputError, match="the weights have more than 15 bytes"):
        Graph(write(nodes, [external("weights.bin")] * 2))


def test_a_tensor_without_its_numbers_is_damaged(write):
    nodes, (tensor,) = add_weights(GOOD, "initializer")
    tensor.dims[0] = 10**15
    with pytest.raises(InputError, match="'weights' is damaged"):
        Graph(write(nodes, [tensor]))


def test_a_first_run_without_end_is_ended(write, monkeypatch):
    monkeypatch.setattr(graph_module, "_LONGEST_FIRST_RUN", 0.2)
    flags = [value("go", TensorProto.BOOL, []), value("goes", TensorProto.BOOL, [])]
    same = [helper.make_node("Identity", [a], [b]) for a, b in (("go", "goes"), ("state", "next"))]
    inputs = [value("i", TensorProto.INT64, []), flags[0], value("state")]
    body = helper.make_graph(same, "body", inputs, [flags[1], value("next")])
    tensors = [
        numpy_helper.from_array(np.array(2**62), "times"),
        numpy_helper.from_array(np.array(True), "yes"),
    ]
    loop = helper.make_node("Loop", ["times", "yes", "x"], ["y"], body=body)
    network = GraphNetwork(config=None, graphs={"loop": Graph(write([loop], tensors), threads=1)})
    with pytest.raises(InputError, match=r"'loop' cannot be run: it does not end within 0\.2 s"):
        network.run("loop", np.zeros(2, np.float32))


def test_a_network_names_the_graph_that_is_missing_or_fails(write):
    graph = Graph(write(*add_weights(GOOD, "initializer")), threads=1)
    network = GraphNetwork(config=None, graphs={"add": graph})
    with pytest.raises(InputError, match="has no graph 'compare'; export"):
        network.run("compare")
    with pytest.raises(InputError, match=r"'add' cannot be run: .*invalid dimensions"):
        network.map("add", [(np.zeros(3, np.float32),)])

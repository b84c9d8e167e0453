"""Graphs on ONNX Runtime: errors, threads, and batches side by side."""

import numpy as np
import pytest
from onnx import TensorProto, helper

from mvot_plugin.errors import InputError, UsageError
from mvot_plugin.rows import split_rows
from mvot_plugin.runtimes.graph import Graph


def doubling_graph():
    """The bytes of a graph that doubles its argument of any number of rows of 3."""
    nodes = [helper.make_node("Add", ["x", "x"], ["y"])]
    values = [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["rows", 3]) for n in "xy"]
    graph = helper.make_graph(nodes, "double", values[:1], values[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, {"made": "here"})
    return model.SerializeToString()


def test_a_graph_is_a_function_of_arrays(tmp_path):
    path = tmp_path / "double.onnx"
    path.write_bytes(doubling_graph())
    for model in (path, doubling_graph()):
        graph = Graph(model, threads=1)
        assert graph.inputs == {"x": ("rows", 3)}
        assert graph.outputs == {"y": ("rows", 3)}
        assert graph.metadata == {"made": "here"}
        (found,) = graph(np.ones((2, 3), np.float32))
        assert found.tolist() == [[2, 2, 2]] * 2


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("count", [0, 1, 2, 7])
def test_batches_side_by_side_come_back_in_order(threads, count):
    graph = Graph(doubling_graph(), threads=threads)
    batches = [(np.full((n + 1, 3), n, np.float32),) for n in range(count)]
    found = graph.map(batches)
    assert [part.tolist() for (part,) in found] == [[[2 * n] * 3] * (n + 1) for n in range(count)]


def test_what_is_no_graph_gets_a_sentence(tmp_path):
    with pytest.raises(InputError, match=r"none\.onnx: there is no such file"):
        Graph(tmp_path / "none.onnx")
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"no graph")
    with pytest.raises(InputError, match=r"broken\.onnx: is no ONNX file"):
        Graph(broken)
    with pytest.raises(UsageError, match="must be 1 or more"):
        Graph(doubling_graph(), threads=0)


def test_an_error_in_one_batch_reaches_the_caller():
    graph = Graph(doubling_graph(), threads=2)
    good, bad = np.ones((1, 3), np.float32), np.ones((1, 4), np.float32)
    with pytest.raises(Exception, match="invalid dimensions"):
        graph.map([(good,), (bad,)])


@pytest.mark.parametrize("count", [0, 1, 5, 16, 17, 100])
@pytest.mark.parametrize("workers", [1, 2, 3])
def test_rows_are_split_evenly_among_workers(count, workers):
    slices = split_rows(count, 8, workers)
    assert [row for part in slices for row in range(count)[part]] == list(range(count))
    lengths = [part.stop - part.start for part in slices]
    assert max(lengths, default=0) <= 8
    assert max(lengths, default=0) - min(lengths, default=0) <= 1
    assert len(slices) % workers == 0 or len(slices) == count

"""Sessions of ONNX Runtime: their memory."""

import subprocess
import sys

MEASURE = """
import numpy as np
from onnx import TensorProto, helper
from mvot_plugin.runtimes.sessions import create_session

def read_memory():
    pages = open("/proc/self/statm").read().split()
    return (int(pages[1]) - int(pages[2])) * 4096 / 1e6

x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["rows", 1])
y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["rows", 1])
wide = helper.make_tensor("wide", TensorProto.FLOAT, [1, 1000], np.zeros(1000, np.float32))
nodes = [helper.make_node("Add", ["x", "wide"], ["sum"])]
nodes.append(helper.make_node("ReduceMax", ["sum"], ["y"], axes=[1]))
graph = helper.make_graph(nodes, "wide", [x], [y], [wide])
opsets = [helper.make_opsetid("", 17)]
model = helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString()
sessions = [create_session(model, 1) for _ in range(6)]
before = read_memory()
for session in sessions:
    session.run(None, {"x": np.zeros((10_000, 1), np.float32)})
print(read_memory() - before)
"""
"""Six sessions that need 40 MB each, one after the other; prints by how many MB memory grew."""


def test_sessions_that_take_turns_need_the_memory_of_one():
    answer = subprocess.run(
        [sys.executable, "-c", MEASURE], capture_output=True, text=True, check=True, timeout=120
    )
    assert 30 < float(answer.stdout) < 120

"""Loading of ONNX files. They are not run: a graph may take any time, within its limits."""

from fuzz.inputs import allow_refusal, scratch_folder
from mvot_plugin.runtimes.graph import Graph


def check(data: bytes) -> None:
    """Load the bytes as an ONNX file."""
    path = scratch_folder() / "network.onnx"
    path.write_bytes(data)
    with allow_refusal():
        graph = Graph(path, threads=1)
        assert graph.inputs.keys() == graph.dtypes.keys()

"""The reader of weights: safetensors files and the descriptions of folders of graphs.

The first byte says what the others are: a whole safetensors file, its header, followed by its data
from the first null byte on, or a description.
"""

import struct

from fuzz.inputs import allow_refusal, scratch_folder
from mvot_plugin.engines.loading import create_config
from mvot_plugin.engines.table import ENGINES
from mvot_plugin.runtimes.files import DESCRIPTION, read_description
from mvot_plugin.weights import read_kind, read_weights, read_weights_record

_NAMES = ("siammotion", "siammotion-n", "siammt")


def check(data: bytes) -> None:
    """Read the bytes as the weights of some engines."""
    way, content = data[:1], data[1:]
    if way == b"d":
        _check_description(content)
    else:
        _check_tensors(content if way == b"w" else _frame(content))


def _frame(content: bytes) -> bytes:
    header, _, data = content.partition(b"\0")
    return struct.pack("<Q", len(header)) + header + data


def _check_description(content: bytes) -> None:
    (scratch_folder() / DESCRIPTION).write_bytes(content)
    for name in _NAMES:
        network = ENGINES[name].network
        assert network is not None
        with allow_refusal():
            values = read_description(scratch_folder(), network.kind)
            create_config(name, network, values, scratch_folder())


def _check_tensors(content: bytes) -> None:
    path = scratch_folder() / "w.safetensors"
    path.write_bytes(content)
    with allow_refusal():
        read_weights_record(path)
        read_kind(path)
    for name in _NAMES:
        network = ENGINES[name].network
        assert network is not None
        with allow_refusal():
            values, tensors = read_weights(path, network.kind)
            assert sum(tensor.numel() for tensor in tensors.values()) <= len(content)
            create_config(name, network, values, path)

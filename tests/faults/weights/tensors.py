"""Safetensors files: headers, settings, tensors and formats that are wrong, and mutations."""

import io
import json
import pickle
import struct
import zipfile
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from faults.weights.command import TORCH_ENGINES, prepare_run
from faults.weights.settings import SETTINGS
from helpers.faults.case import Case, Trial
from mvot_plugin.engines.table import ENGINES

__all__ = ["cases"]

PRETRAINED = Path(__file__).parents[3] / "mvot_plugin" / "pretrained"
MUTATIONS = 24
_ONE = {"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}


def cases(random: Random) -> Iterator[Case]:
    """All cases; those of the gate are refused before torch builds a network."""
    for name, content in _contents().items():
        yield _case(name, partial(_write, content=content), quick=name == "a header of exabytes")
    for name, content in _other_formats().items():
        yield _case(f"a file {name}", partial(_write, content=content, name=f"file{name}"))
    for name, change in _CHANGES.items():
        for engine in ("siamfc", "siammotion-n"):
            yield _case(
                f"{name} for {engine}", partial(_change, change=change, engine=engine), engine
            )
    for engine, texts in SETTINGS.items():
        for number, text in enumerate(texts):
            make = partial(_set_config, text=text, engine=engine)
            yield _case(f"setting {number} for {engine}: {text[:40]}", make, engine)
    for engine in TORCH_ENGINES:
        yield _case(f"another network's for {engine}", partial(_copy_other, engine=engine), engine)
    for number in range(MUTATIONS):
        engine = random.choice(("siamfc", "siammt-w", "siammotion-n"))
        seed = random.randrange(1 << 30)
        make = partial(_mutate, engine=engine, seed=seed)
        yield _case(f"mutation {number} for {engine}", make, engine, expect="any")


def _case(name: str, make: Callable[[Trial], Path], engine: str = "siamfc", **options: Any) -> Case:
    prepare = prepare_run(make, ["--engine", engine, "--runtime", "torch", "--weights"])
    return Case(
        name=f"tensors: {name}",
        prepare=prepare,
        **{"expect": "refused", "seconds": 60.0, **options},
    )


def _write(trial: Trial, *, content: bytes, name: str = "file.safetensors") -> Path:
    path = trial.folder / name
    path.write_bytes(content)
    return path


def _join(header: Mapping[str, Any] | bytes, data: bytes = b"", length: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def _split(engine: str) -> tuple[dict[str, Any], bytearray]:
    """The header and the data of the file that an engine ships with."""
    network = ENGINES[engine].network
    assert network is not None
    content = (PRETRAINED / f"{network.weights}.safetensors").read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    return json.loads(content[8 : 8 + length]), bytearray(content[8 + length :])


def _contents() -> dict[str, bytes]:
    """Files that are no safetensors files, though they look a little like it."""
    huge = {"a": {"dtype": "F32", "shape": [2**63, 2**63], "data_offsets": [0, 4]}}
    digits = b'{"a":{"dtype":"F32","shape":[%s],"data_offsets":[0,4]}}' % (b"9" * 5000)
    one = json.dumps(_ONE)[1:-1].encode()

    def described(**changes: Any) -> bytes:
        return _join({"a": {**_ONE["a"], **changes}}, bytes(4))

    return {
        "three bytes": b"abc",
        "a header of exabytes": _join({}, length=2**64 - 1),
        "a header of 90 MB that is not there": _join({}, length=90_000_000),
        "a header of length 0": _join(b""),
        "no JSON": _join(b"nonsense"),
        "half a JSON": _join(b'{"a": {'),
        "JSON nested 1,000 deep": _join(b"[" * 1000 + b"]" * 1000),
        "JSON nested 1,000 deep in a tensor": _join(b'{"a":' * 1000 + b"1" + b"}" * 1000),
        "a side of 5,000 digits": _join(digits, bytes(4)),
        "a name twice": _join(b"{" + one + b"," + one + b"}", bytes(4)),
        "overlapping tensors": _join({**_ONE, "b": _ONE["a"]}, bytes(4)),
        "a hole between tensors": described(data_offsets=[4, 8]),
        "offsets outside of the file": described(data_offsets=[0, 2**40], shape=[2**38]),
        "offsets backwards": described(data_offsets=[4, 0]),
        "negative sides": described(shape=[-1]),
        "a product of sides that overflows": _join(huge, bytes(4)),
        "an unknown number format": described(dtype="Q7"),
        "metadata of numbers": _join({"__metadata__": {"kind": 5}}),
        "no metadata": _join(_ONE, bytes(4)),
        "no tensors": _join({"__metadata__": {"kind": "siamfc", "config": "{}"}}),
        "a kind of 100,000 characters": _join({"__metadata__": {"kind": "k\n" * 50_000}}),
    }


class _Touch:
    """Makes a file when it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (Path("code-ran"),)


def _other_formats() -> dict[str, bytes]:
    """By ending: pickles, which run code when they are read, and others."""
    code, archive = pickle.dumps(_Touch()), io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("archive/data.pkl", code)
        file.writestr("archive/version", "3\n")
    onnx = (PRETRAINED / "siammt-graphs" / "compare.onnx").read_bytes()
    return {
        ".pt": archive.getvalue(),
        ".pth": archive.getvalue(),
        ".ckpt": code,
        ".pkl": code,
        ".zip": archive.getvalue(),
        ".bin": code,
        ".safetensors": archive.getvalue(),
        ".onnx": onnx,
        ".txt": b"weights\n" * 100,
    }


def _change(
    trial: Trial, *, change: Callable[[dict[str, Any], bytearray], None], engine: str
) -> Path:
    header, data = _split(engine)
    change(header, data)
    return _write(trial, content=_join(header, bytes(data)))


def _floats(header: dict[str, Any]) -> list[str]:
    return [name for name in header if header[name].get("dtype") == "F16"]


def _put(number: bytes) -> Callable[[dict[str, Any], bytearray], None]:
    def change(header: dict[str, Any], data: bytearray) -> None:
        begin = header[_floats(header)[-1]]["data_offsets"][0]
        data[begin : begin + 2] = number

    return change


def _rename(header: dict[str, Any], data: bytearray) -> None:
    header["another"] = header.pop(_floats(header)[0])


def _reshape(header: dict[str, Any], data: bytearray) -> None:
    tensor = header[_floats(header)[0]]
    tensor["shape"] = [1, *tensor["shape"]]


def _retype(kind: str) -> Callable[[dict[str, Any], bytearray], None]:
    """The same bytes, as numbers of two bytes of another kind."""

    def change(header: dict[str, Any], data: bytearray) -> None:
        for name in _floats(header):
            header[name]["dtype"] = kind

    return change


_CHANGES = {
    "a NaN": _put(b"\x00\x7e"),
    "an infinite number": _put(b"\x00\x7c"),
    "a tensor of another name": _rename,
    "a tensor of another shape": _reshape,
    "whole numbers": _retype("I16"),
    "unsigned numbers": _retype("U16"),
}


def _set_config(trial: Trial, *, text: str, engine: str) -> Path:
    header, data = _split(engine)
    own = header["__metadata__"]["config"]
    is_setting = text.startswith('"') and ":" in text
    header["__metadata__"]["config"] = f"{own[:-1]}, {text}}}" if is_setting else text
    return _write(trial, content=_join(header, bytes(data)))


def _copy_other(trial: Trial, *, engine: str) -> Path:
    network = ENGINES[engine].network
    assert network is not None
    other = "siammotion-n" if network.kind != "siammotion-n" else "siammotion"
    return _write(trial, content=(PRETRAINED / f"{other}.safetensors").read_bytes())


def _mutate(trial: Trial, *, engine: str, seed: int) -> Path:
    """The engine's file with some bytes of its header or its data changed, or cut."""
    random, (header, data) = Random(seed), _split(engine)
    content = bytearray(_join(header, bytes(data)))
    end = random.choice((8, 200, len(content) - len(data), len(content)))
    for _ in range(random.choice((1, 3, 30))):
        content[random.randrange(end)] = random.randrange(256)
    if random.random() < 0.2:
        del content[random.randrange(len(content)) :]
    return _write(trial, content=bytes(content))

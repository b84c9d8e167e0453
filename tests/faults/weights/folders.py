"""Folders of graphs: descriptions, files and numbers that are wrong, and mutations."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from random import Random

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper

from faults.weights.command import prepare_run
from faults.weights.settings import SETTINGS
from helpers.faults.case import Case, Trial
from helpers.plugin.nanotrack_graphs import write_published
from mvot_plugin.runtimes.files import shipped_graphs

__all__ = ["cases"]

MUTATIONS = 60
_ENGINE = "siammotion-n"
_GRAPHS = ("features", "enroll", "compare", "predict")
Change = Callable[[Path], None]
"""Changes a folder."""


def cases(random: Random) -> Iterator[Case]:
    """All cases."""
    for name, content in _DESCRIPTIONS.items():
        yield _case(f"a description of {name}", partial(_describe, content=content))
    for number, text in enumerate(SETTINGS[_ENGINE]):
        expect = "any" if text in _UNUSED else "refused"
        change = partial(_set, text=text)
        yield _case(f"setting {number}: {text[:40]}", change, expect=expect)
    for name in _GRAPHS:
        quick = name == "features"
        yield _case(f"without {name}", partial(_remove, name=name), expect="any")
        yield _case(f"a NaN in {name}", partial(_put, name=name, number=np.nan), quick=quick)
        yield _case(
            f"an infinite number in {name}", partial(_put, name=name, number=np.inf), expect="any"
        )
        yield _case(f"half of {name}", partial(_halve, name=name))
    yield _case("graphs that are swapped", _swap, quick=True)
    yield _case("a graph of another network", _take_other)
    yield _case("a pipe among the graphs", _add_pipe)
    yield _case("a folder among the graphs", _add_folder)
    yield _case("a text among the graphs", _add_text)
    yield _case("files that are none of ours", _add_files, expect="done")
    for number in range(MUTATIONS):
        change = partial(_mutate, seed=random.randrange(1 << 30))
        yield _case(f"mutation {number}", change, expect="any", quick=number < 4)
    for number in range(MUTATIONS // 4):
        change = partial(_mutate, seed=random.randrange(1 << 30))
        yield _case(f"nanotrack, mutation {number}", change, "nanotrack")


def _case(name: str, change: Change, engine: str = _ENGINE, **options: object) -> Case:
    options = {"expect": "refused", **options}
    make = partial(_copy, change=change, engine=engine)
    prepare = prepare_run(make, ["--engine", engine, "--weights"])
    return Case(name=f"folders: {name}", prepare=prepare, **options)


def _copy(trial: Trial, *, change: Change, engine: str) -> Path:
    folder = trial.folder / "graphs"
    if engine == "nanotrack":
        write_published(folder)
    else:
        shutil.copytree(shipped_graphs(engine), folder)
    change(folder)
    return folder


_DESCRIPTIONS = {
    "nothing": b"",
    "no JSON": b"nonsense",
    "no text": b"\xff\xfe\x00",
    "a list": b"[]",
    "a number": b"5",
    "5,000 digits": b"9" * 5000,
    "JSON nested 100,000 deep": b"[" * 100_000,
    "no settings": b'{"kind": "siammotion-n"}',
    "no kind": b'{"config": {}}',
    "a kind that is a list": b'{"kind": [], "config": {}}',
    "another kind": b'{"kind": "siammotion", "config": {}}',
    "a kind of 100,000 characters": b'{"kind": "%s", "config": {}}' % (b"k\\n" * 50_000),
    "settings that are a list": b'{"kind": "siammotion-n", "config": [1]}',
    "settings that are nothing": b'{"kind": "siammotion-n", "config": null}',
    "two megabytes": b'{"kind": "siammotion-n"}' + b" " * (2 << 20),
}
_UNUSED = ('"head_width": 65', '"attention": false')
"""Settings that graphs do not need."""


def _describe(folder: Path, *, content: bytes) -> None:
    (folder / "network.json").write_bytes(content)


def _set(folder: Path, *, text: str) -> None:
    """Put a setting behind the others, or another value in place of all."""
    path = folder / "network.json"
    own = json.dumps(json.loads(path.read_text())["config"])
    is_setting = text.startswith('"') and ":" in text
    config = f"{own[:-1]}, {text}}}" if is_setting else text
    path.write_text('{"kind": "siammotion-n", "config": ' + config + "}")


def _remove(folder: Path, *, name: str) -> None:
    (folder / f"{name}.onnx").unlink()


def _put(folder: Path, *, name: str, number: float) -> None:
    """Change a number of the last weights in a graph."""
    path = folder / f"{name}.onnx"
    model = onnx.load(str(path))
    floats = (TensorProto.FLOAT, TensorProto.FLOAT16)
    tensor = [one for one in model.graph.initializer if one.data_type in floats][-1]
    values = numpy_helper.to_array(tensor).copy()
    values.flat[0] = number
    tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
    onnx.save(model, str(path))


def _halve(folder: Path, *, name: str) -> None:
    content = (folder / f"{name}.onnx").read_bytes()
    (folder / f"{name}.onnx").write_bytes(content[: len(content) // 2])


def _swap(folder: Path) -> None:
    (folder / "enroll.onnx").rename(folder / "kept")
    (folder / "compare.onnx").rename(folder / "enroll.onnx")
    (folder / "kept").rename(folder / "compare.onnx")


def _take_other(folder: Path) -> None:
    shutil.copy(shipped_graphs("siammt") / "features.onnx", folder)


def _add_pipe(folder: Path) -> None:
    os.mkfifo(folder / "another.onnx")


def _add_folder(folder: Path) -> None:
    (folder / "another.onnx").mkdir()


def _add_text(folder: Path) -> None:
    (folder / "another.onnx").write_text("no graph")


def _add_files(folder: Path) -> None:
    (folder / "README").write_text("how it was made")
    (folder / "weights.pt").write_bytes(b"\x80\x02}q\x00.")


def _mutate(folder: Path, *, seed: int) -> None:
    """Change some bytes of a file of the folder: of its beginning, its end, or anywhere."""
    random = Random(seed)
    path = random.choice(sorted(folder.glob("*.*")))
    content = bytearray(path.read_bytes())
    low, high = random.choice(((0, 400), (-400, -1), (0, len(content))))
    for _ in range(random.choice((1, 4, 40))):
        content[random.randrange(low, high) % len(content)] = random.randrange(256)
    path.write_bytes(bytes(content))

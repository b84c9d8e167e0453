"""Names that are no files of a network: folders, devices, pipes, loops of links."""

import os
import socket
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from faults.weights.command import WAYS, prepare_run
from helpers.faults.case import Case, Trial

__all__ = ["cases"]


def cases() -> Iterator[Case]:
    """Each place given as each kind of file."""
    for way, options in WAYS.items():
        ending = ".safetensors" if way == "weights" else ".onnx"
        for name, place in _PLACES.items():
            yield Case(
                name=f"{way}: {name}",
                prepare=prepare_run(partial(place, ending=ending), options),
                expect="refused",
                quick=name in ("a pipe", "a device without end") and way != "weights",
            )


def _make_nothing(trial: Trial, ending: str) -> Path:
    return trial.folder / f"none{ending}"


def _make_folder(trial: Trial, ending: str) -> Path:
    path = trial.folder / f"folder{ending}"
    path.mkdir()
    return path


def _make_empty(trial: Trial, ending: str) -> Path:
    path = trial.folder / f"empty{ending}"
    path.touch()
    return path


def _make_pipe(trial: Trial, ending: str) -> Path:
    path = trial.folder / f"pipe{ending}"
    os.mkfifo(path)
    return path


def _link_to(trial: Trial, ending: str, *, target: str) -> Path:
    path = trial.folder / f"link{ending}"
    path.symlink_to(target.format(ending=ending))
    return path


def _make_socket(trial: Trial, ending: str) -> Path:
    path = trial.folder / f"s{ending}"
    server = trial.stack.enter_context(socket.socket(socket.AF_UNIX))
    server.bind(str(path))
    return path


def _make_sparse(trial: Trial, ending: str) -> Path:
    path = trial.folder / f"sparse{ending}"
    with path.open("wb") as file:
        file.truncate(3 << 30)
    return path


def _name_too_long(trial: Trial, ending: str) -> str:
    return "w" * 5000 + ending


def _name_of_controls(trial: Trial, ending: str) -> Path:
    path = trial.folder / f"a\nb\x1b[31m{ending}"
    path.write_text("no network")
    return path


_PLACES: dict[str, Callable[..., Path | str]] = {
    "a missing file": _make_nothing,
    "an empty folder": _make_folder,
    "an empty file": _make_empty,
    "a pipe": _make_pipe,
    "a socket": _make_socket,
    "a sparse file of 3 GiB": _make_sparse,
    "a name of 5,000 characters": _name_too_long,
    "a name with a line break and a colour": _name_of_controls,
    "a link to itself": partial(_link_to, target="link{ending}"),
    "a device without end": partial(_link_to, target="/dev/zero"),
    "a device without content": partial(_link_to, target="/dev/null"),
    "a file of the system": partial(_link_to, target="/proc/self/mem"),
}

"""Folders of exported graphs: a network's functions, one ONNX file each, and what it is."""

import json
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from mvot_plugin.errors import InputError
from mvot_plugin.runtimes.graph import Graph

__all__ = ["DESCRIPTION", "load_graphs", "read_description", "shipped_graphs"]

DESCRIPTION = "network.json"
"""The file with the kind of the network, its config, and a record of where it comes from."""


def shipped_graphs(name: str) -> Path | None:
    """The folder of graphs that came with the package for an engine, if there is one."""
    path = Path(str(files("mvot_plugin"))) / "pretrained" / f"{name}-graphs"
    return path if (path / DESCRIPTION).is_file() else None


def read_description(folder: Path, kind: str) -> dict[str, Any]:
    """The values of the config of the network in a folder of graphs.

    Args:
        folder: The folder.
        kind: The kind of network that is wanted, such as "siammotion".

    Raises:
        InputError: There is no such folder, or it is of another kind of network or damaged.
    """
    path = folder / DESCRIPTION
    if not path.is_file():
        raise InputError(f"{folder}: is no folder of exported graphs: it has no {DESCRIPTION}")
    try:
        description = json.loads(path.read_text(encoding="utf-8"))
        found, config = description["kind"], dict(description["config"])
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: is damaged: {error}; export the graphs again") from error
    if found != kind:
        raise InputError(f"{folder}: holds graphs of {found!r}, but {kind!r} needs its own")
    return config


def load_graphs(folder: Path, threads: int | None) -> Mapping[str, Graph]:
    """The graphs of a folder, by the names of the functions.

    Raises:
        InputError: A graph cannot be loaded.
        UsageError: ``threads`` is below 1.
    """
    return {path.stem: Graph(path, threads=threads) for path in sorted(folder.glob("*.onnx"))}

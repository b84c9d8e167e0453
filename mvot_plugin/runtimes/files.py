"""Folders of exported graphs: a network's functions, one ONNX file each, and what it is."""

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from mvot_plugin.errors import InputError, format_value
from mvot_plugin.runtimes.graph import Graph
from mvot_plugin.runtimes.reading import check_file, read_json

__all__ = ["DESCRIPTION", "load_graphs", "read_description", "shipped_graphs"]

DESCRIPTION = "network.json"
"""The file with the kind of the network, its config, and a record of where it comes from."""
_MOST_BYTES = 1 << 20


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
    if not path.exists():
        raise InputError(f"{folder}: is no folder of exported graphs: it has no {DESCRIPTION}")
    check_file(path, most=_MOST_BYTES)
    try:
        description = read_json(path.read_bytes())
        found, config = description["kind"], dict(description["config"])
    except KeyError as error:
        raise InputError(f"{path}: has no {error}; export the graphs again") from error
    except (OSError, ValueError, TypeError) as error:
        raise InputError(f"{path}: is damaged: {error}; export the graphs again") from error
    if found != kind:
        other = format_value(found)
        raise InputError(f"{folder}: holds graphs of {other}, but {kind!r} needs its own")
    return config


def load_graphs(folder: Path, threads: int | None) -> Mapping[str, Graph]:
    """The graphs of a folder, by the names of the functions.

    Raises:
        InputError: A graph cannot be loaded.
        UsageError: ``threads`` is below 1.
    """
    return {path.stem: Graph(path, threads=threads) for path in sorted(folder.glob("*.onnx"))}

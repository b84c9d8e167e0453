"""Loading of `nanotrack`: its published files, the constants that go with them, its runtime."""

import json
from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from jaxtyping import Float32
from onnx import ModelProto

from mvot_plugin.downloads import cache_folder, fetch
from mvot_plugin.engines.loading import (
    CPU_BATCH,
    GPU_BATCH,
    GRAPH_BATCH,
    check_graphs_can_run,
    suits_graphs,
    try_engine,
)
from mvot_plugin.engines.nanotrack.config import NanoTrackConfig
from mvot_plugin.engines.nanotrack.engine import NanoTrackEngine
from mvot_plugin.engines.nanotrack.published import (
    PublishedNetworks,
    build_compare,
    build_enroll,
    build_features,
    search_shape,
)
from mvot_plugin.errors import InputError, UsageError
from mvot_plugin.extras import require_torch
from mvot_plugin.runtimes.graph import Graph
from mvot_plugin.runtimes.graph_network import GraphNetwork
from mvot_plugin.runtimes.onnx_file import read_onnx
from mvot_plugin.runtimes.reading import check_file

__all__ = ["build_graphs", "find_files", "load_nanotrack", "read_constants", "read_published"]

ADDRESS = (
    "https://raw.githubusercontent.com/HonglinChu/SiamTrackers/master/"
    "NanoTrack/models/nanotrackv2/{}"
)
"""Where the files are published, under Apache-2.0."""
FILES: Mapping[str, str] = {
    "nanotrack_backbone_sim.onnx": (
        "530bdd0cd00f19afab79a863e71ba71e3312395a5dc9151af675082bdaaa2fc4"
    ),
    "nanotrack_head_sim.onnx": "0d8c0637be849f092cc7236cae02e55c8b9455ebe37ba50601d6115db4247cd9",
}
"""The files of backbone and head, and the checksums (sha256) of their content."""


def load_nanotrack(
    name: str, *, weights: str, device: str, precision: str, runtime: str, threads: int | None
) -> NanoTrackEngine:
    """The engine `nanotrack`; see ``load_engine``.

    ``weights`` is a folder with the published files; for "auto" they are fetched once.

    Raises ``InputError`` where the files cannot be had or are not NanoTrack's.
    """
    if weights == "random":
        raise UsageError(f"engine {name!r} has no random weights; give a folder of its files")
    if runtime == "onnx":
        check_graphs_can_run(device, precision)
    paths = find_files(weights)
    published = read_published(paths)
    config, gates = read_constants()
    batch = GRAPH_BATCH
    try:
        if runtime == "onnx" or (runtime == "auto" and suits_graphs(device, precision)):
            network = build_graphs(published, config, gates, threads)
        else:
            require_torch(f"engine {name!r} on runtime torch")
            load = import_module("mvot_plugin.engines.nanotrack.torch_loading").load_torch_network
            network = load(published, config, gates, device, precision)
            batch = CPU_BATCH if network.device.type == "cpu" else GPU_BATCH
    except UsageError:
        raise
    except Exception as error:  # whatever another network's graph runs into
        reason = str(error).split("\n")[0]
        raise InputError(f"{paths[0].parent}: is not NanoTrack v2: {reason}") from error
    engine = NanoTrackEngine.from_network(network, batch=batch, trained=True)
    if weights != "auto":
        try_engine(engine, weights)
    return engine


def find_files(weights: str) -> list[Path]:
    """The published files of backbone and head, in a folder, or for "auto" in the cache.

    Raises ``InputError`` for a file that is missing, or that cannot be fetched.
    """
    if weights != "auto":
        paths = [Path(weights) / name for name in FILES]
        try:
            for path in paths:
                check_file(path)
        except InputError as error:
            raise InputError(
                f"{error}; engine 'nanotrack' takes --weights FOLDER with "
                f"{' and '.join(FILES)} (from {ADDRESS.format('')})"
            ) from error
        return paths
    folder = cache_folder() / "nanotrackv2"
    try:
        return [fetch(ADDRESS.format(name), folder / name, sha) for name, sha in FILES.items()]
    except InputError as error:
        raise InputError(
            f"engine 'nanotrack' needs its published files: {error}; put {' and '.join(FILES)} "
            "into a folder, and give it as --weights FOLDER"
        ) from error


def read_published(paths: Sequence[Path]) -> PublishedNetworks:
    """Read the ONNX files of backbone and head.

    Raises ``InputError`` for a file that is not one, or that is of another network.
    """
    backbone, head = (_read_network(path, count) for path, count in zip(paths, (1, 2), strict=True))
    cells = NanoTrackConfig().cells
    if len(head.graph.input[1].type.tensor_type.shape.dim) != 4 or search_shape(head)[1] != cells:
        raise InputError(f"{paths[1]}: is not the head of NanoTrack v2: it must have {cells} cells")
    return PublishedNetworks(backbone=backbone, head=head)


def _read_network(path: Path, count: int) -> ModelProto:
    """Read an ONNX file with as many inputs, and as many outputs, as ``count`` says."""
    model = read_onnx(path)
    try:
        onnx.checker.check_model(model)
    except Exception as error:  # of the checker, whose class is no part of its interface
        reason = str(error).split("\n")[0]
        raise InputError(f"{path}: is no valid ONNX file: {reason}") from error
    found = len(model.graph.input), len(model.graph.output)
    if found != (count, count):
        raise InputError(
            f"{path}: is not of NanoTrack v2: it must have {count} inputs and {count} outputs, "
            f"but has {found[0]} and {found[1]}"
        )
    return model


def read_constants() -> tuple[NanoTrackConfig, list[Float32[np.ndarray, " _"]]]:
    """The config and the constant gates that come with the package, as they were measured."""
    path = Path(str(files("mvot_plugin"))) / "pretrained" / "nanotrack.json"
    values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    config = NanoTrackConfig(calibration=tuple(values["calibration"]))
    return config, [np.array(gate, np.float32) for gate in values["gates"]]


def build_graphs(
    published: PublishedNetworks,
    config: NanoTrackConfig,
    gates: Sequence[Float32[np.ndarray, " _"]],
    threads: int | None = None,
) -> GraphNetwork:
    """The published networks as graphs, with constant gates.

    Raises ``InputError`` for files of another network.
    """
    models = {
        "features": build_features(published.backbone, gates),
        "enroll": build_enroll(published.head),
        "compare": build_compare(published.head),
    }
    graphs = {k: Graph(m.SerializeToString(), threads=threads) for k, m in models.items()}
    return GraphNetwork(config=config, graphs=graphs)

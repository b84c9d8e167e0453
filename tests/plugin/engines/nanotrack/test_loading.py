"""Loading: files that are missing, wrong or fetched, the constants, and the runtime."""

import hashlib
import shutil

import numpy as np
import pytest

from helpers.engine_runs import follow
from helpers.plugin.nanotrack_graphs import random_gates, small_engine, write_published
from mvot_plugin.engines import load_engine
from mvot_plugin.engines.nanotrack import loading
from mvot_plugin.engines.nanotrack.config import NanoTrackConfig
from mvot_plugin.engines.nanotrack.loading import FILES, find_files, read_constants
from mvot_plugin.errors import InputError, UsageError
from mvot_plugin.runtimes.graph_network import GraphNetwork

BACKBONE, HEAD = FILES


@pytest.fixture
def small_constants(monkeypatch):
    """The package's constants are those of the small networks."""
    constants = NanoTrackConfig(), random_gates()
    monkeypatch.setattr(loading, "read_constants", lambda: constants)


@pytest.fixture
def published_at(monkeypatch, tmp_path):
    """A folder with small files, which are published there; the cache is empty."""
    folder = write_published(tmp_path / "published")
    sums = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in FILES}
    monkeypatch.setattr(loading, "FILES", sums)
    monkeypatch.setattr(loading, "ADDRESS", folder.as_uri() + "/{}")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return folder


def load(folder, **options):
    return load_engine("nanotrack", str(folder), "cpu", threads=1, **options)


def test_a_folder_of_files_is_loaded(tmp_path, small_constants, moving_frames, is_identical):
    engine = load(write_published(tmp_path))
    assert isinstance(engine.network, GraphNetwork)
    assert engine.trained
    expected = follow(small_engine(), moving_frames[:3])
    assert is_identical(follow(engine, moving_frames[:3]), expected)


def test_both_runtimes_are_loaded_and_agree(tmp_path, small_constants, moving_frames):
    folder = write_published(tmp_path)
    _, graphs = follow(load(folder, runtime="onnx"), moving_frames[:2])
    torch_engine = load(folder, runtime="torch", precision="fp32")
    assert not isinstance(torch_engine.network, GraphNetwork)
    _, modules = follow(torch_engine, moving_frames[:2])
    assert np.allclose(graphs[0].boxes, modules[0].boxes, atol=0.1)


def test_half_precision_is_on_torch(tmp_path, small_constants):
    engine = load(write_published(tmp_path), precision="bf16")
    assert str(engine.network.dtype) == "torch.bfloat16"


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_named_and_where_it_is_from(name, tmp_path):
    (write_published(tmp_path) / name).unlink()
    with pytest.raises(InputError, match=rf"{name}: there is no such file;.*FOLDER.*github"):
        load(tmp_path)


@pytest.mark.parametrize("content", [b"", b"not a network" * 100])
def test_a_file_that_is_no_network_is_named(content, tmp_path):
    (write_published(tmp_path) / HEAD).write_bytes(content)
    with pytest.raises(InputError, match=HEAD):
        load(tmp_path)


def test_files_of_the_wrong_name_are_refused(tmp_path):
    folder = write_published(tmp_path)
    (folder / BACKBONE).rename(folder / "kept")
    (folder / HEAD).rename(folder / BACKBONE)
    (folder / "kept").rename(folder / HEAD)
    with pytest.raises(InputError, match=rf"{BACKBONE}: is not of NanoTrack v2: it must have 1"):
        load(folder)


@pytest.mark.parametrize("runtime", ["onnx", "torch"])
def test_a_network_with_other_gates_is_refused(runtime, tmp_path):
    """The package's constants are those of the published backbone."""
    with pytest.raises(InputError, match=rf"{tmp_path.name}: is not NanoTrack v2: .*gates"):
        load(write_published(tmp_path), runtime=runtime)


def test_there_are_no_random_weights():
    with pytest.raises(UsageError, match="no random weights; give a folder"):
        load("random")


@pytest.mark.parametrize(
    ("options", "message"),
    [({"device": "cuda"}, "not on 'cuda'"), ({"precision": "bf16"}, "bf16")],
)
def test_graphs_run_on_the_cpu_in_single_precision(options, message, tmp_path):
    with pytest.raises(UsageError, match=message):
        load_engine("nanotrack", str(tmp_path), runtime="onnx", **options)


def test_files_are_fetched_once(published_at, small_constants, tmp_path):
    engine = load("auto")
    assert isinstance(engine.network, GraphNetwork)
    shutil.rmtree(published_at)
    paths = find_files("auto")
    assert [path.name for path in paths] == [BACKBONE, HEAD]
    folder = tmp_path / "cache" / "mvot_plugin" / "nanotrackv2"
    assert sorted(folder.iterdir()) == sorted(paths)


def test_a_changed_publication_is_refused(published_at, tmp_path):
    (published_at / HEAD).write_bytes(b"another")
    with pytest.raises(InputError, match=rf"{HEAD}: has another content.*--weights FOLDER"):
        load("auto")
    assert not (tmp_path / "cache" / "mvot_plugin" / "nanotrackv2" / HEAD).exists()


def test_without_a_network_it_says_what_to_do(published_at):
    shutil.rmtree(published_at)
    with pytest.raises(InputError, match=r"could not be fetched.*give it as --weights FOLDER"):
        load("auto")


def test_the_constants_that_ship_are_gates_and_a_calibration():
    config, gates = read_constants()
    assert [len(gate) for gate in gates] == [16, 96, 240, 240, 120, 144]
    assert all(((gate > 0) & (gate < 1)).all() for gate in gates)
    slope, offset = config.calibration
    assert slope > 0 > offset

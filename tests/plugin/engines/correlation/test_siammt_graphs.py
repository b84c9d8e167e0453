"""`siammt` as exported graphs: the same boxes as in torch, without it."""

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from helpers.engine_runs import (
    APART,
    BY_GRAPHS,
    contract_engine,
    follow,
    is_close,
    narrow_correlation,
    shipped_engine,
)
from helpers.paths import VAL
from mvot_benchmarks.vot import read_vot_sequence
from mvot_plugin.engines import load_engine
from mvot_plugin.engines.correlation.scale_search import ScaleSearch
from mvot_plugin.models.siamfc.config import PRESETS
from mvot_plugin.runtimes.graph_network import GraphNetwork

TORCH, GRAPHS = "siammt", f"siammt{BY_GRAPHS}"
FAMILY = tuple(PRESETS)


def largest_difference(frames, boxes):
    """The most pixels by which graphs and torch differ, frame by frame from the same targets."""
    in_torch, by_graphs = shipped_engine(TORCH), shipped_engine(GRAPHS)
    targets, off = in_torch.enroll(in_torch.observe(frames[0]), boxes), [0.0]
    enrolled = by_graphs.enroll(by_graphs.observe(frames[0]), boxes)
    for frame in frames[1:]:
        same = replace(targets, exemplars=enrolled.exemplars)
        _, ours = by_graphs.track(by_graphs.observe(frame), same)
        targets, motion = in_torch.track(in_torch.observe(frame), targets)
        off.append(float(np.abs(ours.boxes - motion.boxes).max()))
    return max(off)


def test_siammt_ships_with_graphs_that_a_cpu_runs():
    assert isinstance(load_engine("siammt", device="cpu").network, GraphNetwork)
    assert not isinstance(shipped_engine(TORCH).network, GraphNetwork)


def test_graphs_find_the_boxes_that_torch_finds(frames, scene):
    boxes = scene.ground_truth(0).xyxy
    assert len(boxes) >= 2
    assert largest_difference(frames[:12], boxes) < 0.1


def test_graphs_find_the_boxes_that_torch_finds_in_a_film():
    folder = VAL / "TUD-Campus"
    if not folder.is_dir():
        pytest.skip(f"there is no {folder}")
    sequence = read_vot_sequence(folder, 30)
    first = sequence.ground_truth[0]
    boxes = first[np.isfinite(first).all(1)].astype(np.float32)
    assert len(boxes) > 3
    assert largest_difference(sequence.frames, boxes) < 0.1


@pytest.mark.parametrize("name", FAMILY)
def test_exported_networks_of_the_family_track_as_in_torch(name, moving_frames):
    """Also three scales, and targets in several batches, of a network of half-precision weights."""
    in_torch, by_graphs = narrow_correlation(name), contract_engine(name + BY_GRAPHS)
    with torch.no_grad():
        for parameter in in_torch.network.module.parameters():
            parameter.copy_(parameter.half())
    assert by_graphs.network.config == in_torch.network.config
    batches = [(in_torch, in_torch.batch), (by_graphs, 3 if in_torch.batch > 1 else 1)]
    ours, theirs = (follow(replace(e, batch=b), moving_frames[:3])[1] for e, b in batches)
    assert all(is_close(a, b, atol=1e-2) for a, b in zip(ours, theirs, strict=True))


def test_graphs_take_the_settings_of_the_search(moving_frames):
    """Scales, the window and the upsampling are the engine's, not the graph's."""
    in_torch, by_graphs = (contract_engine(name) for name in ("siamfc", "siamfc" + BY_GRAPHS))
    other = ScaleSearch(scales=(0.9, 1.0), window=0.5, upsampling=5, interpolation="bilinear")
    found = [
        follow(replace(engine, search=search), moving_frames[:2])[1][0]
        for engine in (in_torch, by_graphs)
        for search in (other, in_torch.search)
    ]
    assert is_close(found[0], found[2], atol=1e-2)
    assert np.abs(found[0].boxes - found[1].boxes).max() > 1


def test_no_targets_of_graphs_join_others(moving_frames):
    engine = contract_engine(GRAPHS)
    none = engine.enroll(moving_frames[0], APART[:0])
    some = engine.enroll(moving_frames[0], APART)
    assert none.exemplars.shape == (0, *some.exemplars.shape[1:])


def test_siammt_tracks_without_torch():
    code = (
        "import sys\n"
        "sys.modules['torch'] = None\n"
        "import numpy as np\n"
        "from mvot_plugin.engines import load_engine\n"
        "engine = load_engine('siammt')\n"
        "image = np.random.default_rng(0).integers(0, 255, (120, 160, 3)).astype(np.uint8)\n"
        "targets = engine.enroll(engine.observe(image), np.array([[40, 30, 80, 90]], np.float32))\n"
        "print(engine.track(engine.observe(image), targets)[1].boxes.round().tolist())\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = np.array(json.loads(done.stdout)[0])
    assert np.abs(found - [40, 30, 80, 90]).max() < 8

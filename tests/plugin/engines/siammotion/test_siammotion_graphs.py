"""`siammotion-n` as exported graphs: the same boxes as in torch, without it."""

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from helpers.engine_runs import (
    BY_GRAPHS,
    follow,
    narrow_engine,
    narrow_graphs,
    overlapping_boxes,
    shipped_engine,
)
from helpers.paths import VAL
from mvot_benchmarks.vot import read_vot_sequence
from mvot_plugin.engines import load_engine
from mvot_plugin.errors import UsageError
from mvot_plugin.runtimes.graph_network import GraphNetwork
from mvot_plugin.runtimes.torch_network import TorchNetwork

TORCH, GRAPHS = "siammotion-n", f"siammotion-n{BY_GRAPHS}"
SWITCHES = ["pyramid", "rpn", "attention", "penalties", "inertia"]
CASES = {"siammotion": SWITCHES, "siammotion-n": [*SWITCHES, "visibility"]}


def largest_differences(in_torch, by_graphs, frames, boxes):
    """Pixels and score by which graphs and torch differ, frame by frame from the same targets."""
    targets = in_torch.enroll(in_torch.observe(frames[0]), boxes)
    enrolled = by_graphs.enroll(by_graphs.observe(frames[0]), boxes)
    assert np.allclose(enrolled.bias, targets.bias, atol=1e-3)
    off = []
    for frame in frames[1:]:
        same = replace(targets, exemplars=enrolled.exemplars)
        _, ours = by_graphs.track(by_graphs.observe(frame), same)
        targets, motion = in_torch.track(in_torch.observe(frame), targets)
        pairs = (ours.boxes, motion.boxes), (ours.scores, motion.scores)
        off.append([float(np.abs(a - b).max()) for a, b in pairs])
    return np.max(off, axis=0)


def test_siammotion_n_runs_by_graphs_on_a_cpu_unless_told_otherwise():
    assert isinstance(load_engine("siammotion-n", device="cpu").network, GraphNetwork)
    for options in ({"runtime": "torch"}, {"precision": "bf16"}):
        engine = load_engine("siammotion-n", device="cpu", **options)
        assert isinstance(engine.network, TorchNetwork)
        assert engine.trained
    with pytest.raises(UsageError, match="has no graphs"):
        load_engine("siammotion", device="cpu", runtime="onnx")


def test_graphs_find_the_boxes_that_torch_finds(frames, scene):
    boxes = scene.ground_truth(0).xyxy
    assert len(boxes) >= 2
    engines = shipped_engine(TORCH), shipped_engine(GRAPHS)
    pixels, score = largest_differences(*engines, frames[:21], boxes)
    assert pixels < 0.1
    assert score < 0.01


def test_graphs_find_the_boxes_that_torch_finds_in_a_film():
    folder = VAL / "TUD-Campus"
    if not folder.is_dir():
        pytest.skip(f"there is no {folder}")
    sequence = read_vot_sequence(folder, 21)
    first = sequence.ground_truth[0]
    boxes = first[np.isfinite(first).all(1)].astype(np.float32)
    assert len(boxes) > 3
    engines = shipped_engine(TORCH), shipped_engine(GRAPHS)
    pixels, score = largest_differences(*engines, sequence.frames, boxes)
    assert pixels < 0.1
    assert score < 0.01


@pytest.mark.parametrize(
    ("name", "off"),
    [(name, off) for name, parts in CASES.items() for off in ((), *zip(parts), parts)],
    ids=str,
)
def test_exported_networks_track_as_in_torch(name, off, moving_frames):
    """Whatever parts they have; also in batches of other sizes than they were exported with."""
    switches = dict.fromkeys(off, False)
    in_torch, by_graphs = narrow_engine(name=name, **switches), narrow_graphs(name, **switches)
    assert by_graphs.network.config == in_torch.network.config
    engines = in_torch, replace(by_graphs, batch=3)
    engines = [replace(engine, stand_in="inertia", confidence=0.4) for engine in engines]
    pixels, score = largest_differences(*engines, moving_frames[:4], overlapping_boxes(7))
    assert pixels < 1e-2
    assert score < 1e-3


def test_graphs_take_the_settings_of_the_penalisation(moving_frames):
    """They are the engine's, not the graph's."""
    found = []
    for engine in (narrow_engine(), narrow_graphs("siammotion")):
        other = replace(
            engine.penalisation, hann=0.1, shape=0.5, distractor=0.9, erosion=False, vote_iou=0.5
        )
        for settings in (other, engine.penalisation):
            chosen = replace(engine, penalisation=settings, confidence=0.0)
            found.append(follow(chosen, moving_frames[:2], overlapping_boxes(7))[1][0])
    assert np.allclose(found[0].boxes, found[2].boxes, atol=0.1)
    assert np.abs(found[0].boxes - found[1].boxes).max() > 1


def test_siammotion_n_tracks_without_torch():
    code = (
        "import sys\n"
        "sys.modules['torch'] = None\n"
        "import numpy as np\n"
        "from mvot_plugin.engines import load_engine\n"
        "engine = load_engine('siammotion-n')\n"
        "image = np.random.default_rng(0).integers(0, 255, (120, 160, 3)).astype(np.uint8)\n"
        "targets = engine.enroll(engine.observe(image), np.array([[40, 30, 80, 90]], np.float32))\n"
        "print(engine.track(engine.observe(image), targets)[1].boxes.round().tolist())\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = np.array(json.loads(done.stdout)[0])
    assert np.abs(found - [40, 30, 80, 90]).max() < 8

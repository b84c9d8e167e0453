"""Targets of `siammotion` are values, wherever their exemplars are and in whatever precision."""

import pickle

import numpy as np
import pytest
import torch

from helpers.engine_runs import (
    APART,
    follow,
    is_close,
    narrow_engine,
    narrow_graphs,
    overlapping_boxes,
    without_interaction,
)
from mvot_plugin.engines.base import Motion, Targets
from mvot_plugin.runtimes.graph_network import GraphNetwork

needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


@pytest.fixture(scope="module", params=["fp32", "bf16", "graphs"])
def engine(request):
    if request.param == "graphs":
        return without_interaction(narrow_graphs("siammotion"))
    return without_interaction(narrow_engine(request.param))


@pytest.fixture(scope="module")
def targets(engine, moving_frames):
    return follow(engine, moving_frames[:4], overlapping_boxes(6))[0]


def columns(targets):
    """Every array and tensor of the targets, as arrays."""
    exemplars = targets.exemplars
    tensors = [t for t in (exemplars.own, exemplars.value, exemplars.mask) if t is not None]
    return [
        targets.boxes,
        targets.octaves,
        targets.bias,
        targets.history,
        targets.known,
        *(t if isinstance(t, np.ndarray) else t.float().numpy() for t in tensors),
    ]


@pytest.mark.parametrize(
    "rows",
    [
        slice(None, None, -1),
        slice(4, 0, -2),
        slice(1, 5, 2),
        slice(-2, None),
        [3, 1, -1],
        np.array([5, 0, 0, 2]),
        np.array([True, False, False, True, True, False]),
        np.zeros(6, np.bool_),
    ],
    ids=str,
)
def test_every_column_is_indexed_like_an_array(engine, targets, rows, moving_frames):
    chosen = targets[rows]
    for part, full in zip(columns(chosen), columns(targets), strict=True):
        assert np.array_equal(part, full[rows])
    _, motion = engine.track(engine.observe(moving_frames[4]), chosen)
    assert motion.boxes.shape == chosen.boxes.shape


@pytest.mark.parametrize("rows", [slice(None, None, -1), [3, 1], np.arange(6) % 3 == 0], ids=str)
def test_selected_targets_move_as_among_all(rows, moving_frames):
    engine = without_interaction(narrow_engine())
    targets, _ = follow(engine, moving_frames[:4], overlapping_boxes(6))
    observation = engine.observe(moving_frames[4])
    full, part = (engine.track(observation, some)[1] for some in (targets, targets[rows]))
    assert is_close(Motion(boxes=full.boxes[rows], scores=full.scores[rows]), part)


@pytest.mark.parametrize("row", [2, -1, np.int64(0)])
def test_a_row_is_targets_of_length_one(targets, row):
    for part, full in zip(columns(targets[row]), columns(targets), strict=True):
        assert np.array_equal(part, full[row][None])


def test_exemplar_parts_that_are_none_stay_none(moving_frames):
    engine = narrow_engine(attention=False)
    targets = engine.enroll(engine.observe(moving_frames[0]), APART)
    for some in (targets[::-1], Targets.cat([targets, targets[:2]]), targets.to("cpu")):
        assert some.exemplars.value is None
        assert some.exemplars.mask is None
        assert len(some.exemplars.own) == len(some)


def test_parts_come_together_in_order(targets, is_identical):
    assert is_identical(Targets.cat([targets[:1], targets[1:4], targets[4], targets[5:]]), targets)
    shuffled = Targets.cat([targets[[4, 2]], targets[:0], targets[3]])
    assert is_identical(shuffled, targets[[4, 2, 3]])


def test_targets_survive_a_pickle(engine, targets, moving_frames, is_identical):
    thawed = pickle.loads(pickle.dumps(targets))
    assert is_identical(thawed, targets)
    assert type(thawed.exemplars.own) is type(targets.exemplars.own)
    observation = engine.observe(moving_frames[4])
    assert is_identical(engine.track(observation, thawed), engine.track(observation, targets))


def test_targets_move_to_where_they_are(engine, targets, is_identical):
    if isinstance(engine.network, GraphNetwork):
        pytest.skip("arrays do not move")
    assert targets.exemplars.own.dtype == engine.network.dtype
    assert is_identical(targets.to("cpu"), targets)
    assert is_identical(targets.to(torch.float64).to(targets.exemplars.own.dtype), targets)
    assert targets.to(torch.float64).exemplars.mask.dtype == torch.float64


@needs_cuda
def test_targets_move_to_a_gpu_and_back(engine, targets, moving_frames, is_identical):
    if isinstance(engine.network, GraphNetwork):
        pytest.skip("arrays do not move")
    away = targets.to("cuda")
    assert away.exemplars.own.device.type == "cuda"
    assert is_identical(away[::-1].to("cpu"), targets[::-1])
    engine = narrow_engine(device="cuda")
    tracked, motion = engine.track(
        engine.observe(moving_frames[4]), targets.to("cuda", torch.float32)
    )
    assert tracked.exemplars.mask.device.type == "cuda"
    assert np.isfinite(motion.boxes).all()

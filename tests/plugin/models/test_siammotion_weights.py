"""The weights that `siammotion` loads, and its warnings and errors."""

import json
from unittest.mock import patch

import pytest
import torch
from safetensors.torch import save_file

from helpers.engine_runs import follow, narrow_engine
from mvot_plugin.engines import load_engine
from mvot_plugin.errors import InputError, UntrainedWeights
from mvot_plugin.models.siammotion import SiamMotionNet
from mvot_plugin.models.siammotion_config import PRESETS, SiamMotionConfig
from mvot_plugin.weights import save_weights

NARROW = SiamMotionConfig(width=32, backbone_width=16)
SHIPPED = "mvot_plugin.engines.torch_loading.shipped_weights"


@pytest.fixture(autouse=True)
def narrow(monkeypatch):
    monkeypatch.setitem(PRESETS, "siammotion", NARROW)


def network(config=NARROW, seed=7):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return SiamMotionNet(config)


def net_of(engine):
    """The torch module of an engine's network."""
    return engine.network.module.network


def load(**options):
    return load_engine("siammotion", device="cpu", **{"precision": "fp32", **options})


@pytest.mark.parametrize("off", [{}, {"pyramid": False, "attention": False, "penalties": False}])
def test_an_engine_runs_on_the_weights_of_a_file(off, moving_frames, is_identical, tmp_path):
    source, path = network(SiamMotionConfig(width=24, backbone_width=8, **off)), tmp_path / "a"
    save_weights(path, source, "siammotion", source.config, {"licence": "Apache-2.0"})
    engine = load(weights=str(path))
    assert engine.trained
    assert engine.network.config == source.config
    assert torch.equal(net_of(engine).head.classify.weight, source.head.classify.weight.half())
    assert is_identical(
        follow(engine, moving_frames[:3]), follow(load(weights=str(path)), moving_frames[:3])
    )
    assert (engine.penalisation.distractor == 0) == ("penalties" in off)


def test_weights_that_ship_are_the_engines_own(tmp_path):
    save_weights(tmp_path / "a", network(), "siammotion", NARROW, {})
    with patch(SHIPPED, lambda name: tmp_path / "a"):
        assert load().trained
        with pytest.warns(UntrainedWeights):
            assert not load(weights="random").trained


@pytest.mark.parametrize("weights", ["auto", "random"])
def test_an_engine_without_trained_weights_warns(weights):
    with (
        patch(SHIPPED, lambda name: None),
        pytest.warns(UntrainedWeights, match="'siammotion' runs on random, untrained weights"),
    ):
        assert not load(weights=weights).trained


def test_random_weights_are_the_same_each_time_and_leave_the_generator_alone():
    before = torch.random.get_rng_state()
    first, again = narrow_engine(), narrow_engine()
    assert torch.equal(torch.random.get_rng_state(), before)
    torch.rand(3)
    pairs = zip(net_of(first).parameters(), net_of(narrow_engine()).parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)
    assert net_of(first) is not net_of(again)


@pytest.mark.parametrize(
    ("precision", "dtype"),
    [("fp32", torch.float32), ("bf16", torch.bfloat16), ("fp16", torch.float16)],
)
def test_the_network_is_in_the_precision_asked_for_and_inertia_in_single(precision, dtype):
    network = net_of(narrow_engine(precision))
    parts = [network.backbone, network.neck, network.attention, network.head]
    assert {p.dtype for part in parts for p in part.parameters()} == {dtype}
    assert {p.dtype for p in network.inertia.parameters()} == {torch.float32}


def write_weights_file(path, change=lambda tensors, metadata: None):
    """Write a valid weights file, changed by ``change``."""
    tensors = {name: t.half() for name, t in network().state_dict().items()}
    metadata = {"kind": "siammotion", "config": json.dumps({"width": 32, "backbone_width": 16})}
    change(tensors, metadata)
    save_file(tensors, str(path), metadata=metadata)


def test_a_good_file_is_read(tmp_path):
    write_weights_file(tmp_path / "a.safetensors")
    assert load(weights=str(tmp_path / "a.safetensors")).trained


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda tensors, metadata: metadata.update(kind="bert"), "holds weights of 'bert'"),
        (lambda tensors, metadata: metadata.pop("kind"), "an unknown network"),
        (lambda tensors, metadata: tensors.pop("head.classify.bias"), "lacks head.classify.bias"),
        (
            lambda tensors, metadata: tensors.update(more=torch.zeros(2)),
            "unknown to the network, more",
        ),
        (lambda tensors, metadata: metadata.update(config="{}"), "another shape of"),
        (lambda tensors, metadata: metadata.update(config='{"widht": 32}'), "did you mean 'width'"),
        (lambda tensors, metadata: metadata.update(config="{32"), "config"),
        (lambda tensors, metadata: metadata.update(config="[32]"), "config"),
        (
            lambda tensors, metadata: metadata.update(config='{"exemplar_bins": 8}'),
            "exemplar_bins must be odd",
        ),
    ],
    ids=["kind", "none", "lacks", "more", "shape", "setting", "json", "list", "even"],
)
def test_weights_that_do_not_fit_are_refused(change, words, tmp_path):
    path = tmp_path / "a.safetensors"
    write_weights_file(path, change)
    with pytest.raises(InputError) as caught:
        load(weights=str(path))
    assert str(caught.value).startswith(f"{path}: ")
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "there is no such weights file"),
        (b"", "not a readable"),
        (b"\1" * 99, "not a readable"),
    ],
    ids=["missing", "empty", "garbage"],
)
def test_a_file_that_holds_no_weights_is_refused(content, words, tmp_path):
    path = tmp_path / "a.safetensors"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=words):
        load(weights=str(path))


def test_a_file_cut_short_is_refused(tmp_path):
    path = tmp_path / "a.safetensors"
    write_weights_file(path)
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(InputError, match="not a readable safetensors file"):
        load(weights=str(path))

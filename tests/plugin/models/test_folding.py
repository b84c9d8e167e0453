"""Batch norms and activations that are part of convolutions: the network stays the same."""

from copy import deepcopy

import pytest
import torch
from torch.testing import assert_close

from helpers import reference_siammotion as slow
from helpers.small_siammotion import propose, random_image, random_network, run_on_one_thread
from mvot_plugin.models import folding
from mvot_plugin.models.folding import fold_batch_norm, fuse_activations
from mvot_plugin.runtimes.torch_network import prepare

TOLERANCE = {"atol": 1e-4, "rtol": 1e-4}


@pytest.fixture(scope="module", autouse=True)
def no_gradients_on_one_thread():
    with torch.no_grad(), run_on_one_thread():
        yield


@pytest.fixture(scope="module")
def network():
    return random_network()


def as_input(image, dtype):
    return slow.normalize(image).to(dtype).contiguous(memory_format=torch.channels_last)


def test_a_folded_network_is_the_same_network(network):
    folded = deepcopy(network)
    fold_batch_norm(folded)
    assert not [m for m in folded.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    assert len(list(network.state_dict())) > len(list(folded.state_dict()))
    assert_close(propose(folded).logits, propose(network).logits, **TOLERANCE)
    assert_close(propose(folded).boxes, propose(network).boxes, atol=1e-3, rtol=1e-4)


def computes_halves():
    return torch.cpu.get_capabilities().get("avx512_bf16", False)


@pytest.fixture
def without_halves(monkeypatch):
    """A CPU whose oneDNN refuses bfloat16."""
    fused = torch.ops.mkldnn._convolution_pointwise

    def refuse(x, *others):
        if x.dtype == torch.bfloat16:
            raise RuntimeError("mkldnn_convolution: bf16 path needs the cpu support avx512bw")
        return fused(x, *others)

    monkeypatch.setattr(torch.ops.mkldnn, "_convolution_pointwise", refuse)
    folding._supports_fusion.cache_clear()
    yield
    folding._supports_fusion.cache_clear()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_cpu_without_half_precision_tracks_in_it_all_the_same(dtype, without_halves):
    network = random_network(backbone="lite0", width=16)
    prepare(network, torch.device("cpu"), dtype)
    fused = [m for m in network.modules() if isinstance(m, folding._ActivatedConv2d)]
    assert bool(fused) == (dtype == torch.float32)
    with torch.inference_mode():
        maps = network.features(as_input(random_image(0), dtype))
    assert all(each.dtype == dtype and each.isfinite().all() for each in maps)


@pytest.mark.parametrize("backbone", ["resnet18", "lite0"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_fused_activations_change_nothing(backbone, dtype):
    if dtype == torch.bfloat16 and not computes_halves():
        pytest.skip("this CPU has no bfloat16")
    plain = random_network(backbone=backbone, backbone_width=16, tower=2)
    fold_batch_norm(plain)
    plain.to(dtype=dtype, memory_format=torch.channels_last)
    fused = deepcopy(plain)
    fuse_activations(fused)
    activations = [m for m in fused.modules() if isinstance(m, torch.nn.ReLU | torch.nn.ReLU6)]
    assert not activations
    exemplars = torch.randn(2, 7, 7, 16).to(dtype)
    areas = torch.randn(2, 31, 31, 16).to(dtype)
    image = as_input(random_image(0), dtype)
    with torch.inference_mode():
        for a, b in zip(plain.features(image), fused.features(image), strict=True):
            assert torch.equal(a, b)
        here, there = (n.head.outputs(exemplars, areas) for n in (plain, fused))
    assert all(torch.equal(a, b) for a, b in zip(here, there, strict=True))

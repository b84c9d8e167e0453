"""The networks as a torch module, against the graphs."""

import warnings

import numpy as np
import pytest
import torch

from helpers.engine_runs import follow
from helpers.plugin.nanotrack_graphs import published_networks, small_published
from mvot_plugin.engines.nanotrack import NanoTrackEngine
from mvot_plugin.engines.nanotrack.config import NanoTrackConfig
from mvot_plugin.engines.nanotrack.loading import build_graphs, read_constants
from mvot_plugin.engines.nanotrack.published import PublishedNetworks
from mvot_plugin.engines.nanotrack.torch_loading import build_network, load_torch_network
from mvot_plugin.errors import InputError
from mvot_plugin.runtimes.export import export_functions
from mvot_plugin.runtimes.files import load_graphs


@pytest.fixture
def both(networks, gates):
    """The networks as graphs, and on torch."""
    config = NanoTrackConfig()
    graphs = build_graphs(networks, config, gates, threads=1)
    return graphs, load_torch_network(networks, config, gates, "cpu", "fp32")


def run(network, function, *arrays):
    return [network.to_numpy(result) for result in network.run(function, *arrays)]


def test_every_function_answers_as_the_graphs_do(both):
    graphs, network = both
    images = np.random.default_rng(0).integers(0, 256, (3, 256, 256, 3)).astype(np.uint8)
    (features,) = run(graphs, "features", images)
    assert np.allclose(run(network, "features", images)[0], features, atol=1e-3)
    (kernels,) = run(graphs, "enroll", features[:, 4:12, 4:12])
    assert np.allclose(run(network, "enroll", features[:, 4:12, 4:12])[0], kernels, atol=1e-3)
    answers = run(graphs, "compare", kernels, features[::-1].copy())
    found = run(network, "compare", torch.from_numpy(kernels), features[::-1])
    for one, other in zip(found, answers, strict=True):
        assert one.dtype == np.float32
        assert np.allclose(one, other, atol=1e-3)
    assert min(answer.std() for answer in answers) > 0.01


def test_people_have_the_same_boxes_on_both_runtimes(both, people):
    frames, boxes = people
    runs = [
        follow(NanoTrackEngine.from_network(network), frames[:2], boxes)[1][0] for network in both
    ]
    assert np.allclose(runs[0].boxes, runs[1].boxes, atol=0.1)
    assert np.allclose(runs[0].scores, runs[1].scores, atol=1e-3)


def test_half_precision_is_close(networks, gates, people):
    frames, boxes = people
    half = load_torch_network(networks, NanoTrackConfig(), gates, "cpu", "bf16")
    (features,) = half.run("features", frames[0].image[None])
    assert features.dtype == torch.bfloat16
    full = build_graphs(networks, NanoTrackConfig(), gates, threads=1)
    expected = full.run("features", frames[0].image[None])[0]
    assert np.abs(half.to_numpy(features) - expected).max() < 0.1 * np.abs(expected).max()
    _, motions = follow(NanoTrackEngine.from_network(half), frames, boxes)
    assert np.isfinite(motions[-1].boxes).all()


def test_half_precision_follows_people(people):
    frames, boxes = people
    networks = published_networks()
    config, gates = read_constants()
    graphs = build_graphs(networks, config, gates, threads=1)
    half = load_torch_network(networks, config, gates, "cpu", "bf16")
    one, other = (
        follow(NanoTrackEngine.from_network(network), frames[:2], boxes)[1][0]
        for network in (graphs, half)
    )
    assert np.allclose(one.boxes, other.boxes, atol=1.5)
    assert np.allclose(one.scores, other.scores, atol=0.05)


def test_the_module_trains(networks, gates):
    """Gradients reach all of its weights; the gates are among them."""
    network = build_network(networks, NanoTrackConfig(), gates)
    images = torch.randint(0, 256, (1, 256, 256, 3), dtype=torch.uint8)
    features = network.features(images)
    logits, distances = network.compare(network.enroll(features[:, 4:12, 4:12]), features)
    (logits.square().mean() + distances.log().square().mean()).backward()
    assert all(parameter.grad is not None for parameter in network.parameters())


def test_the_module_is_exported_by_its_signatures(tmp_path, networks, gates):
    network = build_network(networks, NanoTrackConfig(), gates).eval()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        export_functions(network, tmp_path, kind="nanotrack", record={})
    exported, graphs = load_graphs(tmp_path, 1), build_graphs(networks, NanoTrackConfig(), gates)
    assert set(exported) == set(graphs.graphs) == set(network.signatures())
    images = np.random.default_rng(0).integers(0, 256, (2, 256, 256, 3)).astype(np.uint8)
    (features,) = graphs.run("features", images)
    found = exported["features"](images)[0]
    assert np.abs(found - features).max() < 0.02 * np.abs(features).max()
    (kernels,) = exported["enroll"](features[:, 4:12, 4:12])
    logits, distances = exported["compare"](kernels, features)
    expected = graphs.run("compare", graphs.run("enroll", features[:, 4:12, 4:12])[0], features)
    assert np.allclose(logits, expected[0], atol=0.1, rtol=0.02)
    assert np.allclose(distances, expected[1], atol=0.1, rtol=0.02)


def test_other_networks_are_refused():
    small = small_published()
    swapped = PublishedNetworks(backbone=small.head, head=small.backbone)
    with pytest.raises(InputError, match="the files are not NanoTrack v2's"):
        build_network(swapped, NanoTrackConfig(), [])
    for gates in ([], [np.ones(3, np.float32)] * 2):
        with pytest.raises(InputError, match=r"has gates of \[8, 24\] channels"):
            build_network(small, NanoTrackConfig(), gates)

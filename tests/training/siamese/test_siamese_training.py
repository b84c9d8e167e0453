"""The trainer of the stage `siamese`: what it learns, from what, and that it resumes exactly."""

from dataclasses import fields, replace

import numpy as np
import pytest
import torch

from helpers.training.siamese import CONFIG, create_trainer
from helpers.weights_files import are_tensors_equal
from mvot_plugin.engines import load_engine
from mvot_plugin.engines.siamese import SiameseEngine
from mvot_plugin.models.siamese.network import SiameseFunctions
from mvot_plugin.runtimes.torch_network import TorchNetwork
from mvot_training.siamese import trainer as trainer_module
from mvot_training.siamese.config import SYSTEMS

CONSTANT = replace(CONFIG, weight_decay=0.0)
"""Weights without a gradient stay as they are."""
PARTS = {
    "siammot-emm": {"visibility", "location"},
    "siammot-imm": {"visibility", "motion"},
    "imsiam": {"classes", "regression", "centerness", "iou"},
    "siamattn": {"proposals", "refinement", "masks"},
}
SINGLE_LEVEL = "networks.siamattn.weights"
"""The weights of the levels, of which the light backbone has one."""
forks = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
"""A process of its own samples the batches."""


def take(batch, rows):
    """Some pairs of a batch."""
    parts = {field.name: getattr(batch, field.name) for field in fields(batch)}
    return replace(batch, **{k: v[rows] for k, v in parts.items() if isinstance(v, np.ndarray)})


def sample_masked_batch(trainer, data):
    """The first batch with a mask, which is not of the first pair."""
    batches = (trainer.sample_batch(data, step) for step in range(50))
    return next(batch for batch in batches if batch.masked.any() and not batch.masked[0])


def copy_state(module):
    return {name: value.clone() for name, value in module.state_dict().items()}


def is_of_backbone(name):
    return ".backbone." in name


def note_truths(monkeypatch):
    """Let all losses be 0; returns what they are to be computed from, by name."""
    seen = {}

    def note(name):
        def loss(config, network, answers, truth):
            seen[name] = truth
            return {"nothing": next(network.reduce.parameters()).sum() * 0}

        return loss

    monkeypatch.setattr(trainer_module, "LOSSES", {name: note(name) for name in SYSTEMS})
    return seen


def test_the_loss_of_a_batch_falls(training_data):
    trainer = create_trainer(replace(CONFIG, steps=200, learning_rate=5e-3, batch=6))
    batch = sample_masked_batch(trainer, training_data)
    losses = [trainer.train_step(batch) for _ in range(16)]
    assert set(losses[0]) == {"loss", *(f"{k}/{part}" for k in PARTS for part in PARTS[k])}
    for name in SYSTEMS:
        means = [
            np.mean([sum(v for k, v in step.items() if k.startswith(f"{name}/")) for step in part])
            for part in (losses[:2], losses[-2:])
        ]
        assert means[1] < 0.8 * means[0], name


def test_everything_is_trained_but_the_backbone(training_data):
    trainer = create_trainer(CONSTANT)
    before = copy_state(trainer.network)
    batch = sample_masked_batch(trainer, training_data)
    for _ in range(3):
        trainer.train_step(batch)
    weights = dict(trainer.network.named_parameters())
    still = {name for name, value in weights.items() if torch.equal(before[name], value)}
    assert still == {SINGLE_LEVEL, *filter(is_of_backbone, weights)}
    for state in (trainer.network.state_dict(), trainer.average.state_dict()):
        frozen = {name: value for name, value in state.items() if is_of_backbone(name)}
        assert are_tensors_equal(frozen, {k: v for k, v in before.items() if is_of_backbone(k)})
    factors = [name for name in weights if name.endswith((".spatial", ".channel", ".cross"))]
    assert len(factors) == 3
    assert all(float(weights[name].detach()) != 0 for name in factors)


def test_a_backbone_with_a_rate_of_its_own_is_trained(training_data):
    trainer = create_trainer(replace(CONSTANT, backbone_rate_factor=0.25))
    rates = trainer.learning_rates()
    assert rates[1] == pytest.approx(0.25 * rates[0])
    before = copy_state(trainer.network)
    batch = sample_masked_batch(trainer, training_data)
    for _ in range(2):
        trainer.train_step(batch)
    weights = trainer.network.named_parameters()
    assert [name for name, value in weights if torch.equal(before[name], value)] == [SINGLE_LEVEL]
    assert len({id(network.backbone) for network in trainer.network.networks.values()}) == 1


def test_the_average_of_a_shared_backbone_moves_once_a_step(training_data):
    trainer = create_trainer(replace(CONFIG, backbone_rate_factor=1.0))
    before = copy_state(trainer.average)
    trainer.train_step(trainer.sample_batch(training_data, 0))
    after, now = trainer.average.state_dict(), trainer.network.state_dict()
    name = next(name for name in after if name.endswith("backbone.smooth.2.weight"))
    other = "networks.imsiam.reduce.0.weight"
    share = 1 - 2 / 11  # after the first step
    for each in (name, other):
        expected = before[each] + share * (now[each] - before[each])
        assert torch.allclose(after[each], expected, rtol=1e-4, atol=1e-7), each
    assert not torch.allclose(after[name], now[name], rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("kind", ["as sampled", "negative", "without masks", "no mask known"])
def test_every_batch_has_finite_losses_and_gradients(kind, count, training_data):
    trainer = create_trainer()
    batch = take(trainer.sample_batch(training_data, 1), slice(count))
    none = np.zeros(count, bool)
    batch = {
        "as sampled": batch,
        "negative": replace(batch, positive=none, masked=none),
        "without masks": replace(batch, masks=None, masked=none),
        "no mask known": replace(batch, masked=none),
    }[kind]
    loss, parts = trainer.compute_loss(batch)
    loss.backward()
    assert np.isfinite([*parts.values()]).all()
    assert ("siamattn/masks" in parts) == (kind != "without masks")
    if kind == "negative":
        named = [parts[f"{name}/{part}"] for name in PARTS for part in PARTS[name]]
        assert sum(value == 0 for value in named) == 7
    gradients = [p.grad for p in trainer.network.parameters() if p.grad is not None]
    assert gradients
    assert all(bool(gradient.isfinite().all()) for gradient in gradients)


def test_each_network_is_trained_on_its_share_of_the_pairs(training_data, monkeypatch):
    shares = {"siamattn": 0.5, "siammot-imm": 0.25, "imsiam": 0.01}
    trainer = create_trainer(replace(CONFIG, shares=shares))
    seen = note_truths(monkeypatch)
    batch = sample_masked_batch(trainer, training_data)
    trainer.compute_loss(batch)
    counts = {name: len(truth.boxes) for name, truth in seen.items()}
    assert counts == {"siammot-emm": 4, "siammot-imm": 1, "imsiam": 1, "siamattn": 2}
    with_masks = np.flatnonzero(batch.masked)
    assert seen["imsiam"].masked.tolist() == [True]
    assert np.array_equal(seen["imsiam"].masks[0], batch.masks[with_masks[0]])
    assert int(seen["siamattn"].masked.sum()) == 1


def test_the_ground_truth_is_what_the_engine_counts_in(training_data, monkeypatch):
    trainer = create_trainer(replace(CONFIG, shares={}))
    seen, enrolled = note_truths(monkeypatch), {}
    for name, network in trainer.network.networks.items():
        enroll = network.enroll

        def note(crops, sizes, name=name, enroll=enroll):
            enrolled[name] = crops, sizes
            return enroll(crops, sizes)

        monkeypatch.setattr(network, "enroll", note)
    batch = trainer.sample_batch(training_data, 0)
    trainer.compute_loss(batch)
    middle = batch.searches.shape[1] / 2
    for name, truth in seen.items():
        network = trainer.network.networks[name]
        engine = SiameseEngine.from_network(TorchNetwork(SiameseFunctions(network)))
        crops, sizes = enrolled[name]
        bins = network.config.search_bins
        assert crops.shape[1:3] == (bins, bins)
        assert np.allclose(sizes, engine._canonical_sizes(batch.exemplar_boxes), rtol=1e-4)
        assert truth.side == network.config.canonical_side
        unit = truth.areas[:, 2:] / truth.side
        corners = truth.areas[:, :2] + truth.boxes[:, :2] * unit + middle
        assert np.allclose(corners, (batch.boxes[:, :2] + batch.boxes[:, 2:]) / 2, atol=1e-3)
        sides = truth.boxes[:, 2:] * unit
        assert np.allclose(sides, batch.boxes[:, 2:] - batch.boxes[:, :2], atol=1e-3)
        assert truth.present.tolist() == batch.positive.tolist()
        assert truth.masked.tolist() == batch.masked.tolist()
        assert np.array_equal(truth.masks, batch.masks)


def test_steps_take_the_zooms_in_turn(training_data, monkeypatch):
    trainer, zooms = create_trainer(replace(CONFIG, zooms=(0.25, 0.3), engines=("imsiam",))), []
    view = trainer_module.view_batch

    def note(compute, batch, zoom, **arguments):
        zooms.append(zoom)
        return view(compute, batch, zoom, **arguments)

    monkeypatch.setattr(trainer_module, "view_batch", note)
    batch = trainer.sample_batch(training_data, 0)
    for _ in range(3):
        trainer.train_step(batch)
    assert zooms == [0.25, 0.3, 0.25]


@forks
@pytest.mark.usefixtures("one_opencv_thread")
def test_a_resumed_training_gives_the_same_result(training_data, tmp_path):
    config = replace(CONFIG, backbone_rate_factor=0.1, steps=4)
    uninterrupted, first, second = (create_trainer(config) for _ in range(3))
    uninterrupted.run(training_data, tmp_path, seconds=600.0)
    first.run(training_data, tmp_path, seconds=0.0)
    assert first.step == 1
    second.resume(tmp_path / "last.pt")
    second.run(training_data, tmp_path, seconds=600.0)
    for a, b in ((uninterrupted.network, second.network), (uninterrupted.average, second.average)):
        assert are_tensors_equal(a.state_dict(), b.state_dict())


def test_a_resumed_training_sees_with_the_backbone_of_its_checkpoint(training_data, tmp_path):
    first = create_trainer()
    first.save(tmp_path / "last.pt")
    second = create_trainer(replace(CONFIG, seed=3))
    with torch.no_grad():
        for weight in second.frozen.parameters():
            weight.mul_(0.5)
    second.resume(tmp_path / "last.pt")
    assert are_tensors_equal(first.frozen.state_dict(), second.frozen.state_dict())


@forks
@pytest.mark.usefixtures("one_opencv_thread")
def test_each_engine_has_weights_of_its_own(training_data, tmp_path, moving_frames):
    engines = ("imsiam", "siamattn")
    trainer = create_trainer(replace(CONFIG, steps=1, engines=engines), record={"backbone": "own"})
    path = trainer.run(training_data, tmp_path, seconds=600.0)
    assert path == tmp_path / "imsiam.safetensors"
    files = {file.stem for file in tmp_path.glob("*.safetensors")}
    assert files == set(engines)
    for name in engines:
        engine = load_engine(name, str(tmp_path / f"{name}.safetensors"), "cpu", "fp32")
        assert engine.trained
        assert engine.network.config == trainer.config.architecture(name)

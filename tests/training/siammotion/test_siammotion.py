"""The stage `siammotion` of `mvot-train`: its losses, its trainer, the weights it saves."""

import csv
from dataclasses import replace

import numpy as np
import pytest
import torch

from helpers.engine_runs import follow
from mvot_plugin.engines import load_engine
from mvot_plugin.models.siammotion import SiamMotionNet
from mvot_plugin.models.siammotion_config import SiamMotionConfig
from mvot_plugin.ops.tensors.anchors import anchor_boxes
from mvot_training.cli import main
from mvot_training.losses import PairLossConfig, pair_loss, rpn_loss, to_canonical_pixels
from mvot_training.pairs.batches import sample_batch
from mvot_training.pairs.config import SamplingConfig
from mvot_training.siammotion.config import SiamMotionTrainingConfig
from mvot_training.siammotion.trainer import SiamMotionTrainer

TINY = SiamMotionConfig(backbone_width=16, width=16)  # 8 crash oneDNN in bfloat16
NETWORK = "network: {backbone_width: 16, width: 16}\n"
CONFIG = SiamMotionTrainingConfig(
    steps=6, batch=4, level_shares=(1.0,), frozen_fraction=0.5, warmup_steps=1
)
SIDE = TINY.canonical_side


def create_trainer(config=CONFIG):
    torch.manual_seed(config.seed)
    return SiamMotionTrainer(SiamMotionNet(TINY), config, torch.device("cpu"))


def compute_iou(a, b):
    low, high = (
        np.maximum(a[:2] - a[2:] / 2, b[:2] - b[2:] / 2),
        np.minimum(a[:2] + a[2:] / 2, b[:2] + b[2:] / 2),
    )
    shared = np.maximum(high - low, 0).prod()
    return shared / (a[2:].prod() + b[2:].prod() - shared)


def compute_reference_loss(logits, deltas, anchors, ground_truth, present):
    """The loss, summed anchor by anchor."""
    positive, negative, confusing, distances, iou_losses = [], [], [], [], []
    apart = [[] for _ in deltas]
    for n, k, y, x in np.ndindex(*deltas.shape[:4]):
        anchor, log_odds = anchors[k, y, x], logits[n, 1, k, y, x] - logits[n, 0, k, y, x]
        iou = compute_iou(anchor, ground_truth[n])
        apart[n].append(np.log1p(np.exp(log_odds)) * (iou == 0))
        if not present[n]:
            confusing += [np.log1p(np.exp(log_odds))] * int(iou > 0.3)
        elif iou > 0.6:
            positive.append(np.log1p(np.exp(-log_odds)))
            shift = (ground_truth[n, :2] - anchor[:2]) / anchor[2:]
            error = np.abs(deltas[n, k, y, x] - [*shift, *np.log(ground_truth[n, 2:] / anchor[2:])])
            distances.append(np.where(error < 0.1, error**2 / 0.2, error - 0.05).sum())
            x0, y0, w, h = deltas[n, k, y, x]
            size = anchor[2:] * np.exp([w, h])
            iou_losses.append(
                1
                - compute_iou(np.append(anchor[:2] + anchor[2:] * [x0, y0], size), ground_truth[n])
            )
        elif iou < 0.3:
            negative.append(np.log1p(np.exp(log_odds)))
    rejection = np.mean(negative) + np.mean(confusing) / 2
    hardest = np.mean([sorted(each)[-32:] for each in apart])
    boxes = 1.2 * np.mean(distances) + np.mean(iou_losses)
    return 0.5 * (np.mean(positive) + rejection + hardest) + boxes


def test_the_loss_is_the_sum_over_anchors():
    rng = np.random.default_rng(0)
    logits, deltas = rng.normal(size=(3, 2, 5, 7, 7)), rng.normal(size=(3, 5, 7, 7, 4)) / 5
    anchors = anchor_boxes([1 / 3, 1 / 2, 1.0, 2.0, 3.0], scale=8.0, stride=8.0, cells=7)
    ground_truth = np.array([[4, -6, 60, 70], [10, 8, 30, 110], [0, 0, 64, 64]], np.float32)
    present = np.array([1, 1, 0], np.float32)
    expected = compute_reference_loss(logits, deltas, anchors.numpy(), ground_truth, present)
    tensors = [
        torch.tensor(v, dtype=torch.float32) for v in (logits, deltas, ground_truth, present)
    ]
    outputs, ground_truth, present = (tensors[0], tensors[1]), tensors[2], tensors[3]
    loss, parts = rpn_loss(PairLossConfig(), outputs, anchors, ground_truth, present)
    assert float(loss) == pytest.approx(expected, rel=1e-4)
    easy, others = rpn_loss(PairLossConfig(hardest=0), outputs, anchors, ground_truth, present)
    assert others["hardest"] == 0
    assert float(loss - easy) == pytest.approx(parts["hardest"] / 2, rel=1e-4)
    assert set(parts) == {"positive", "negative", "hardest", "box", "iou"}


def test_boxes_are_converted_to_pixels_of_the_canonical_search_area():
    areas = np.array([[100, 50, 224, 174]], np.float32)
    boxes = np.array([[150, 102, 174, 122]], np.float32)
    assert to_canonical_pixels(boxes, areas, SIDE) == pytest.approx(np.array([[0, 0, 48, 40]]))
    assert to_canonical_pixels(boxes + 31, areas, SIDE)[0, :2] == pytest.approx([62, 62])


@pytest.mark.parametrize("level", [1, 2])
def test_the_loss_of_a_batch_falls(training_data, level):
    trainer = create_trainer(replace(CONFIG, steps=60, frozen_fraction=0.0, learning_rate=3e-3))
    sampling = SamplingConfig(negative_share=0.0, photometric=False)
    batch = sample_batch(training_data, np.random.default_rng(0), level, 6, sampling)
    losses = [trainer.train_step((level, batch))["loss"] for _ in range(25)]
    assert np.mean(losses[-3:]) < 0.5 * np.mean(losses[:3])


def test_every_part_of_the_network_is_trained_but_a_frozen_backbone(training_data):
    trainer = create_trainer(replace(CONFIG, steps=10))
    before = {k: v.clone() for k, v in trainer.network.state_dict().items()}
    batch = sample_batch(training_data, np.random.default_rng(1), 1, 4)
    trainer.train_step((1, batch))
    trainer.train_step((1, batch))
    after = trainer.network.state_dict()
    changed = {
        k.split(".")[0] for k in after if not torch.equal(after[k].float(), before[k].float())
    }
    assert changed == {"neck", "attention", "head"}
    for _ in range(4):
        trainer.train_step((1, batch))
    after = trainer.network.state_dict()
    deep = "backbone.layer2.0.conv1.weight", "backbone.layer3.1.conv2.weight"
    assert not any(torch.equal(after[name], before[name]) for name in deep)
    assert torch.equal(
        after["backbone.layer1.0.conv1.weight"], before["backbone.layer1.0.conv1.weight"]
    )
    assert torch.equal(
        after["backbone.layer3.0.bn1.running_mean"], before["backbone.layer3.0.bn1.running_mean"]
    )
    assert torch.equal(after["backbone.bn1.running_mean"], before["backbone.bn1.running_mean"])


def test_a_resumed_training_gives_the_same_result(training_data, tmp_path):
    uninterrupted, first, second = create_trainer(), create_trainer(), create_trainer()
    uninterrupted.run(training_data, tmp_path, seconds=600.0, log_every=4)
    first.run(training_data, tmp_path, seconds=0.0, log_every=4)
    assert first.step == 1
    second.resume(tmp_path / "last.pt")
    second.run(training_data, tmp_path, seconds=600.0, log_every=4)
    for a, b in ((uninterrupted.network, second.network), (uninterrupted.average, second.average)):
        for name, value in a.state_dict().items():
            assert torch.equal(value, b.state_dict()[name]), name


def test_the_average_follows_the_network(training_data):
    trainer = create_trainer(replace(CONFIG, ema_decay=0.5, steps=40))
    batch = sample_batch(training_data, np.random.default_rng(1), 1, 4)
    for _ in range(12):
        before = trainer.average.head.classify.bias.clone()
        trainer.train_step((1, batch))
    expected = (before + trainer.network.head.classify.bias.detach()) / 2
    assert torch.allclose(trainer.average.head.classify.bias, expected, atol=1e-6)


def test_mvot_train_saves_weights_that_an_engine_loads(roots, tmp_path, capsys, moving_frames):
    config = tmp_path / "training.yaml"
    config.write_text(f"{NETWORK}learning_rate: 0.003\nfrozen_fraction: 0.0\n")
    arguments = ["siammotion", "--smoke", "--config", str(config), "--device", "cpu"]
    arguments += ["--set", "steps=10", "--set", "validation_frames=4"]
    folder = tmp_path / "run"
    assert main([*arguments, "--data", *map(str, roots), "--output", str(folder)]) == 0
    weights = folder / "siammotion.safetensors"
    assert f"saved {weights}" in capsys.readouterr().out
    engine = load_engine("siammotion", str(weights), "cpu", "fp32")
    assert engine.trained
    assert len(follow(engine, moving_frames[:2])[0]) == 4
    rows = list(csv.DictReader((folder / "losses.csv").read_text().splitlines()))
    assert rows[-1]["step"] == "10"
    assert main([*arguments, "--data", *map(str, roots), "--output", str(folder)]) == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--hours", "0"], "--hours must be more than 0"),
        (["--config", "none.yaml"], "none.yaml"),
        (["--config", "wrong.yaml"], "origin of pairs 'clip'"),
        (["--config", "odd.yaml"], "setting 'sampling.weights.clips' must be float"),
        (["--output", "x", "--device", "quantum"], "device 'quantum' cannot be used"),
    ],
)
def test_errors_are_one_sentence(arguments, message, roots, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "wrong.yaml").write_text("sampling: {weights: {clip: 1}}")
    (tmp_path / "odd.yaml").write_text("sampling: {weights: {clips: many}}")
    assert main(["siammotion", "--data", str(roots[0]), *arguments]) in (1, 2)
    assert message in capsys.readouterr().err


def test_the_loss_of_a_level_reaches_no_coarser_level(training_data):
    batch = sample_batch(training_data, np.random.default_rng(0), 1, 2)
    network = SiamMotionNet(TINY)
    loss, _ = pair_loss(network, PairLossConfig(), batch, 1)
    loss.backward()
    assert network.neck.smooth[0].weight.grad is not None
    assert network.neck.smooth[3].weight.grad is None

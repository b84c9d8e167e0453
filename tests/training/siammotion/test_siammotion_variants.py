"""Training of networks that lack some of their parts."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import yaml

from helpers.engine_runs import follow
from mvot_plugin.engines import load_engine
from mvot_plugin.errors import UsageError
from mvot_plugin.models.siammotion import SiamMotionNet
from mvot_plugin.models.siammotion_config import SiamMotionConfig
from mvot_plugin.ops.tensors.anchors import anchor_boxes
from mvot_plugin.weights import read_weights, save_weights
from mvot_training.cli import main
from mvot_training.losses import PairLossConfig, score_map_loss
from mvot_training.pairs.batches import sample_batch
from mvot_training.pairs.config import SamplingConfig
from mvot_training.siammotion.config import SiamMotionTrainingConfig
from mvot_training.siammotion.trainer import SiamMotionTrainer

NARROW = {"backbone_width": 16, "width": 16}  # 8 crash oneDNN in bfloat16
TINY = SiamMotionConfig(**NARROW)
BARE = {"pyramid": False, "rpn": False, "attention": False}
VARIANTS = [{"pyramid": False}, {"rpn": False}, {"attention": False}, BARE]


def create_config(network=None, **settings):
    return SiamMotionTrainingConfig(network={**NARROW, **(network or {})}, **settings)


def write_config(path, network, **settings):
    """A config file of a narrow network."""
    path.write_text(yaml.safe_dump({"network": {**NARROW, **network}, **settings}))


@pytest.mark.parametrize("off", VARIANTS, ids=" ".join)
def test_a_variant_is_trained_on_batches_of_any_level(off, training_data):
    config = create_config(
        network=off, steps=80, frozen_fraction=0.0, warmup_steps=1, learning_rate=3e-3
    )
    torch.manual_seed(0)
    trainer = SiamMotionTrainer(SiamMotionNet(config.architecture()), config, torch.device("cpu"))
    sampling = SamplingConfig(negative_share=0.0, photometric=False)
    for level, steps in ((1, 25), (3, 1)):
        batch = sample_batch(training_data, np.random.default_rng(0), level, 6, sampling)
        losses = [trainer.train_step((level, batch)) for _ in range(steps)]
        assert ("box" in losses[0]) == ("rpn" not in off)
        assert np.isfinite(losses[-1]["loss"])
        if level == 1:
            means = [np.mean([one["loss"] for one in part]) for part in (losses[:3], losses[-3:])]
            assert means[1] < 0.8 * means[0]


def test_positions_near_the_target_are_positive():
    """SiamMT's Eq. 3, position by position."""
    rng = np.random.default_rng(0)
    positions = anchor_boxes([1.0], scale=1.0, stride=8.0, cells=9)[0, ..., :2]
    logits = rng.normal(size=(3, 9, 9))
    ground_truth = np.array([[4, -6, 20, 18], [10, 8, 10, 11], [-9, 2, 12, 12]], np.float32)
    present = np.array([1, 1, 0], np.float32)
    positive, negative, confusing, apart = [], [], [], [[], [], []]
    for n, y, x in np.ndindex(3, 9, 9):
        dx, dy = positions[y, x].numpy() - ground_truth[n, :2]
        positive_loss, negative_loss = (
            np.log1p(np.exp(-logits[n, y, x])),
            np.log1p(np.exp(logits[n, y, x])),
        )
        near = np.hypot(dx, dy) <= 16
        if present[n]:
            (positive if near else negative).append(positive_loss if near else negative_loss)
        elif near:
            confusing.append(negative_loss)
        apart[n].append(
            negative_loss if abs(dx) > ground_truth[n, 2] or abs(dy) > ground_truth[n, 3] else 0
        )
    hardest = np.mean([sorted(each)[-32:] for each in apart])
    expected = 0.5 * (np.mean(positive) + np.mean(negative) + np.mean(confusing) / 2 + hardest)
    tensors = [torch.tensor(v, dtype=torch.float32) for v in (logits, ground_truth, present)]
    loss, parts = score_map_loss(PairLossConfig(), tensors[0], positions, *tensors[1:])
    assert float(loss) == pytest.approx(expected, rel=1e-5)
    assert parts["hardest"] == pytest.approx(hardest, rel=1e-5)


@pytest.mark.parametrize("off", VARIANTS, ids=" ".join)
def test_mvot_train_saves_weights_of_a_variant(off, roots, tmp_path, moving_frames):
    """Training starts from the full network's weights that fit; the frozen layers keep them."""
    full_network, start = SiamMotionNet(TINY), tmp_path / "whole.safetensors"
    save_weights(start, full_network, "siammotion", TINY, {})
    config, folder = tmp_path / "training.yaml", tmp_path / "run"
    write_config(config, dict.fromkeys(off, False), frozen_fraction=0.5)
    arguments = ["--smoke", "--config", str(config), "--device", "cpu", "--weights", str(start)]
    arguments += ["--set", "steps=6", "--set", "batch=4", "--set", "validation_frames=4"]
    data = ["--data", *map(str, roots)]
    assert main(["siammotion", *arguments, *data, "--output", str(folder)]) == 0
    engine = load_engine("siammotion", str(folder / "siammotion.safetensors"), "cpu", "bf16")
    assert engine.network.config == replace(TINY, **off)
    _, motions = follow(engine, moving_frames[:3])
    assert all(np.isfinite(motion.boxes).all() for motion in motions)
    _, tensors = read_weights(folder / "siammotion.safetensors", "siammotion")
    first = "backbone.conv1.weight"
    assert torch.equal(tensors[first], full_network.state_dict()[first].half().float())
    deep = "backbone.layer2.1.conv2.weight"
    assert not torch.equal(tensors[deep], full_network.state_dict()[deep].half().float())


def test_a_checkpoint_of_another_network_is_named(roots, tmp_path, capsys):
    config = tmp_path / "training.yaml"
    run = ["siammotion", "--smoke", "--config", str(config), "--device", "cpu", "--hours", "1e-9"]
    run += ["--data", *map(str, roots), "--output", str(tmp_path / "run")]
    write_config(config, {"rpn": False, "attention": False})
    assert main(run) == 0
    write_config(config, {})
    assert main(run) == 1
    assert "last.pt: was left by a training of another network" in capsys.readouterr().err


def test_network_settings_are_the_networks_own():
    assert create_config().architecture() == TINY
    changed = create_config(network={"tower": 1, "ratios": [0.5, 1, 2]}).architecture()
    assert changed == replace(TINY, tower=1, ratios=(0.5, 1.0, 2.0))
    with pytest.raises(UsageError, match=r"'network\.pyramyd'.*'network\.pyramid'"):
        create_config(network={"pyramyd": False}).architecture()
    with pytest.raises(UsageError, match=r"'network\.rpn' must be bool, got 'no'"):
        create_config(network={"rpn": "no"}).architecture()

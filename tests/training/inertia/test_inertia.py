"""The stage `inertia` of `mvot-train`: metrics, its trainer, the weights it saves."""

import csv
from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest
import torch

from helpers.training.inertia_windows import (
    AHEAD,
    CONFIG,
    KNOWN,
    NO_WINDOWS,
    constant_velocity_windows,
)
from helpers.weights_files import are_tensors_equal, read_tensors
from mvot_plugin.errors import UsageError
from mvot_plugin.models.inertia import Inertia
from mvot_training.inertia.config import InertiaTrainingConfig
from mvot_training.inertia.metrics import (
    compare_predictors,
    measure_predictor,
    predict_mean_velocity,
    predict_rest,
    predict_velocity,
    rollout,
)
from mvot_training.inertia.sampling import WindowSampler
from mvot_training.inertia.trainer import InertiaTrainer, inertia_loss
from mvot_training.inertia.windows import Windows
from mvot_training.optimization import learning_rate_at
from mvot_training.trainer import CHECKPOINT

CPU = torch.device("cpu")
WINDOWS = WindowSampler(
    tracked=constant_velocity_windows(20, 1), filmed=constant_velocity_windows(20, 2)
)


def create_trainer(weights, config=CONFIG, **options):
    torch.manual_seed(0)
    held_out = {"filmed": constant_velocity_windows(30, 3)}
    return InertiaTrainer(Inertia(), config, CPU, weights=weights, held_out=held_out, **options)


def test_metrics_by_hand():
    centres = np.array([0, 4, 8, 12, 15, 25, 30, 35, 42], np.float32)
    true = np.zeros((1, KNOWN + AHEAD, 4), np.float32) + np.float32([0, 0, 10, 10])
    true[0, :, 0] = centres
    windows = Windows(seen=true[:, :KNOWN], true=true)
    metrics = measure_predictor(predict_rest, windows)
    assert (metrics.overlap, metrics.miss) == pytest.approx((50 / 150, 0.5))
    assert (metrics.overlap_ahead, metrics.miss_ahead) == pytest.approx((0, 1.7))
    metrics = measure_predictor(predict_velocity, windows)  # at 35, 45, 55
    assert (metrics.overlap, metrics.miss) == pytest.approx((50 / 150, 0.5))
    assert (metrics.overlap_ahead, metrics.miss_ahead) == pytest.approx((0, 1.3))
    metrics = measure_predictor(
        predict_mean_velocity, windows
    )  # at 30, then by steps of 5.2 and 5.44
    assert (metrics.overlap, metrics.miss) == pytest.approx((1, 0), abs=1e-5)
    off = 42 - 40.64
    assert metrics.miss_ahead == pytest.approx(off / 10, abs=1e-5)
    assert metrics.overlap_ahead == pytest.approx((10 - off) / (10 + off), abs=1e-5)
    kinds = compare_predictors(Inertia(), {"tracked": NO_WINDOWS, "filmed": windows})
    assert kinds["filmed"]["inertia"] == measure_predictor(
        predict_rest, windows
    )  # untrained, it predicts rest
    assert kinds.keys() == {"filmed"}


def test_the_loss_weighs_the_boxes_after_the_first():
    windows = constant_velocity_windows(1)
    observed, true = torch.from_numpy(windows.seen), torch.from_numpy(windows.true[:, KNOWN:])
    untrained = Inertia().requires_grad_(False)
    first = float(inertia_loss(untrained, observed, true[:, :1], 0.5))
    off = np.abs(windows.true[0, KNOWN, :2] - windows.true[0, KNOWN - 1, :2]) / 40
    shared = np.prod(1 - off)
    smooth = np.where(off < 0.02, off**2 / 0.04, off - 0.01).sum()
    assert first == pytest.approx(smooth + 1 - shared / (2 - shared), rel=1e-3)
    losses = [float(inertia_loss(untrained, observed, true, weight)) for weight in (0.0, 0.5, 1.0)]
    assert losses[0] == pytest.approx(first)
    assert losses[1] == pytest.approx((losses[0] + losses[2]) / 2)
    assert losses[2] > 2 * first


def test_constant_velocity_is_learned_and_does_not_explode(weights):
    config = InertiaTrainingConfig(
        steps=200, batch=64, ahead=AHEAD, learning_rate=1e-2, warmup_steps=20, synthetic_share=0.0
    )
    windows = WindowSampler(tracked=NO_WINDOWS, filmed=constant_velocity_windows(400, 1))
    held_out = constant_velocity_windows(100, 2)
    trainer = InertiaTrainer(Inertia(), config, CPU, weights=weights, held_out={})
    before = measure_predictor(trainer.network, held_out)
    for step in range(200):
        trainer.train_step(trainer.sample_batch(windows, step))
    after = measure_predictor(trainer.average, held_out)
    assert before.overlap < 0.75
    assert before.overlap_ahead < 0.45
    assert after.overlap > 0.95
    assert after.miss < 0.2 * before.miss
    assert after.overlap_ahead > 0.85
    far = rollout(trainer.network, torch.from_numpy(held_out.seen), 60).detach()
    distance = (far[:, -1, :2] - far[:, 0, :2]).abs().numpy() / 40
    assert (distance < 60 * 0.3 * 1.3).all()
    assert 10 < float(far[..., 2:].min()) < float(far[..., 2:].max()) < 160


def test_the_loss_of_a_step_is_that_of_its_windows_at_its_learning_rate(weights):
    """The first steps, against a plain loop."""
    trainer, inertia = create_trainer(weights), deepcopy(Inertia())
    inertia.load_state_dict(trainer.network.state_dict())
    optimizer = torch.optim.AdamW(inertia.parameters(), weight_decay=CONFIG.weight_decay)
    for step in range(3):
        optimizer.param_groups[0]["lr"] = learning_rate_at(
            step, steps=10, warmup_steps=2, learning_rate=CONFIG.learning_rate
        )
        batch = WINDOWS.sample_batch(np.random.default_rng([CONFIG.seed, step]), CONFIG)
        true = torch.from_numpy(batch.true[:, KNOWN:])
        loss = inertia_loss(inertia, torch.from_numpy(batch.seen), true, CONFIG.rollout_weight)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(inertia.parameters(), 1)
        optimizer.step()
        assert trainer.train_step(trainer.sample_batch(WINDOWS, step)) == {"loss": loss.item()}
    assert are_tensors_equal(trainer.average.state_dict(), inertia.state_dict())


class Touch:
    """Makes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.mark.parametrize("content", ["code", "nothing"])
def test_a_checkpoint_runs_no_code_and_a_damaged_one_is_refused(content, weights, tmp_path):
    made, checkpoint = tmp_path / "made", tmp_path / CHECKPOINT
    checkpoint.write_bytes(b"")
    if content == "code":
        torch.save({"identity": Touch(made)}, checkpoint)
    with pytest.raises(UsageError, match="choose another --output"):
        create_trainer(weights).resume(checkpoint)
    assert not made.exists()


def test_a_resumed_training_gives_the_same_result(weights, tmp_path):
    uninterrupted, first, second = (create_trainer(weights) for _ in range(3))
    (tmp_path / "uninterrupted").mkdir()
    path = uninterrupted.run(WINDOWS, tmp_path / "uninterrupted", seconds=600.0)
    first.run(WINDOWS, tmp_path, seconds=0.0)
    assert first.step == 1
    second.resume(tmp_path / CHECKPOINT)
    assert second.run(WINDOWS, tmp_path, seconds=600.0) == tmp_path / weights.name
    assert are_tensors_equal(uninterrupted.network.state_dict(), second.network.state_dict())
    assert are_tensors_equal(read_tensors(path)[0], read_tensors(tmp_path / weights.name)[0])
    tables = [
        (folder / "validation.csv").read_text() for folder in (tmp_path / "uninterrupted", tmp_path)
    ]
    assert tables[0] == tables[1]
    rows = list(csv.DictReader(tables[0].splitlines()))
    assert [row["step"] for row in rows] == ["0", "4", "8", "10"]
    assert max(float(row["quality"]) for row in rows) == pytest.approx(uninterrupted.best, abs=1e-5)


def test_the_best_weights_are_kept_not_the_last(weights, tmp_path):
    trainer = create_trainer(weights)
    trainer.keep_best(tmp_path)
    start = read_tensors(tmp_path / weights.name)[0]
    trainer.best = 2.0
    trainer.train_step(trainer.sample_batch(WINDOWS, 0))
    trainer.keep_best(tmp_path)
    assert are_tensors_equal(read_tensors(tmp_path / weights.name)[0], start)
    trainer.best = -1.0
    trainer.keep_best(tmp_path)
    saved = read_tensors(tmp_path / weights.name)[0]["inertia.layers.4.bias"]
    assert torch.equal(saved, trainer.network.layers[4].bias.detach().to(saved.dtype))
    trainer.train_step(trainer.sample_batch(WINDOWS, 1))
    assert not torch.equal(saved, trainer.network.layers[4].bias.detach().to(saved.dtype))


def test_the_checkpoint_of_another_training_is_refused(weights, tmp_path):
    create_trainer(weights, origin="a").save(tmp_path / CHECKPOINT)
    create_trainer(weights, origin="a").resume(tmp_path / CHECKPOINT)
    with pytest.raises(UsageError, match="other weights, data or settings"):
        create_trainer(weights, origin="b").resume(tmp_path / CHECKPOINT)

"""The stages `siamfc` and `siammt` of `mvot-train`: their trainer, and the weights they save."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors import safe_open
from torch.testing import assert_close

from helpers.training.siamfc import CHANNELS, CPU, FC, MT, create_trainer
from mvot_plugin.engines import load_engine
from mvot_plugin.errors import InputError, UsageError
from mvot_plugin.models.siamfc.config import CorrelationConfig
from mvot_plugin.models.siamfc.network import SiamFCNet
from mvot_plugin.weights import save_weights
from mvot_training.cli import main
from mvot_training.siamfc.config import SiamFCTrainingConfig
from mvot_training.siamfc.entry import train_siamfc
from mvot_training.siamfc.trainer import SiamFCTrainer, sample_step


def test_the_loss_falls(training_data):
    trainer = create_trainer(replace(FC, steps=40, batch=4, warmup_steps=5, learning_rate=2e-3))
    batch = sample_step(training_data, trainer.config, 0)
    losses = [trainer.train_step(batch)["loss"] for _ in range(25)]
    assert losses[-1] < 0.6 * losses[0]


def test_all_layers_are_trained_but_the_frozen_ones(training_data):
    trainer = create_trainer(MT)
    before = {k: v.clone() for k, v in trainer.network.state_dict().items()}
    for step in range(2):
        trainer.train_step(sample_step(training_data, MT, step))
    changed = {k for k, v in trainer.network.state_dict().items() if not torch.equal(v, before[k])}
    layers = {int(name.split(".")[2]) for name in changed if name.startswith("backbone.layers")}
    assert min(layers) == 11  # the fourth convolution, after three with norm and ReLU, two pools
    assert {"gain", "bias"} <= changed


@pytest.mark.parametrize("config", [FC, MT], ids=["siamfc", "siammt"])
def test_a_resumed_training_gives_the_same_result(config, training_data, tmp_path):
    uninterrupted, stopped = create_trainer(config), create_trainer(config)
    for step in range(4):
        uninterrupted.train_step(sample_step(training_data, config, step))
        if step < 2:
            stopped.train_step(sample_step(training_data, config, step))
    stopped.save(tmp_path / "last.pt")
    resumed = create_trainer(config, seed=9)
    resumed.resume(tmp_path / "last.pt")
    for step in range(resumed.step, 4):
        resumed.train_step(sample_step(training_data, config, step))
    for name, value in uninterrupted.average.state_dict().items():
        assert torch.equal(value, resumed.average.state_dict()[name])


def test_a_checkpoint_of_another_network_is_refused(tmp_path):
    create_trainer().save(tmp_path / "last.pt")
    wide = CorrelationConfig(channels=(16, 32, 32, 32, 64))
    with pytest.raises(InputError, match=r"last.pt: was left by a training of another network"):
        SiamFCTrainer(SiamFCNet(wide), FC, CPU).resume(tmp_path / "last.pt")


def test_siammt_is_trained_from_siamfc_and_both_track(roots, tmp_path, moving_frames):
    data = {"data": roots, "cache": None, "device": "cpu"}
    first = train_siamfc(FC, output=tmp_path / "fc", **data)
    second = train_siamfc(MT, output=tmp_path / "mt", weights=first, **data)
    for path, name in ((first, "siamfc"), (second, "siammt")):
        engine = load_engine(name, weights=str(path), precision="fp32")
        targets = engine.enroll(
            engine.observe(moving_frames[0]), np.array([[9, 9, 60, 80]], np.float32)
        )
        assert np.isfinite(engine.track(engine.observe(moving_frames[1]), targets)[1].scores).all()
        with safe_open(str(path), "pt") as file:
            record, config = (json.loads(file.metadata()[key]) for key in ("record", "config"))
            frozen = file.get_tensor("backbone.layers.0.weight")
        assert (config["frame_calibration"] is not None) == (name == "siamfc")
        assert record["licence"] == "Apache-2.0"
        assert record["training"]["steps"] == 4
        assert frozen.dtype == torch.float16
    with (tmp_path / "mt" / "validation.csv").open(newline="") as file:
        assert [row["step"] for row in csv.DictReader(file)] == ["2", "4"]


def test_siammt_starts_from_its_own_weights_and_siamfc_does_not(roots, tmp_path):
    data = {"data": roots, "cache": None, "device": "cpu"}
    torch.manual_seed(0)
    network = SiamFCNet(CorrelationConfig(channels=CHANNELS, context=0.0))
    path = tmp_path / "own.safetensors"
    save_weights(path, network, "siammt", network.config, {})
    train_siamfc(MT, output=tmp_path / "mt", weights=path, **data)
    with safe_open(str(tmp_path / "mt" / "siammt.safetensors"), "pt") as file:
        frozen = file.get_tensor("backbone.layers.0.weight")
    assert_close(frozen.float(), network.backbone.layers[0].weight, atol=1e-3, rtol=1e-2)
    with pytest.raises(InputError, match="holds weights of 'siammt', but 'siamfc' needs its own"):
        train_siamfc(FC, output=tmp_path / "fc", weights=path, **data)


def test_the_command_trains_and_names_what_is_missing(roots, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = tmp_path / "small.yaml"
    config.write_text("channels: [16, 32, 32, 32, 32]\nteacher: ''\nheld_out: [kept]\n")
    data = ["--data", *map(str, roots)]
    assert main(["siamfc", *data, "--smoke", "--config", str(config)]) == 0
    assert (tmp_path / "training" / "siamfc" / "siamfc.safetensors").is_file()
    assert main(["siammt", *data, "--smoke", "--weights", "nowhere.safetensors"]) == 1
    assert "nowhere.safetensors: there is no such weights file" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"teacher": "lite7"}, "unknown teacher 'lite7'"),
        ({"frozen_layers": 5}, "setting 'frozen_layers' must be 0 to 4"),
        ({"batch": 0}, "setting 'batch' must be 1 or more, got 0"),
    ],
)
def test_impossible_settings_are_named(setting, message):
    with pytest.raises(UsageError, match=message):
        SiamFCTrainingConfig(**setting)

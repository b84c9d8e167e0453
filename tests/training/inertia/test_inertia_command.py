"""`mvot-train inertia`: the weights it saves, and its error messages."""

import json
from dataclasses import replace

import pytest
import torch

from helpers.small_light import SMALL
from helpers.training.inertia_windows import NARROW
from helpers.weights_files import read_tensors
from mvot_plugin.engines import load_engine
from mvot_plugin.models.light.config import LightConfig
from mvot_plugin.models.light.network import LightNet
from mvot_plugin.models.siammotion import SiamMotionNet
from mvot_plugin.weights import save_weights
from mvot_training.cli import main


def test_mvot_train_changes_the_weights_of_inertia_only(clips, weights, tmp_path, capsys):
    config = tmp_path / "inertia.yaml"
    config.write_text("ahead: 3\nstrides: [1]\nheld_out: [kept]\nseed: 4\nlearning_rate: 0.01\n")
    folder = tmp_path / "out"
    arguments = ["inertia", "--weights", str(weights), "--data", str(clips), "--smoke"]
    arguments += ["--config", str(config), "--output", str(folder), "--device", "cpu"]
    assert main(arguments) == 0
    printed = capsys.readouterr().out
    assert f"saved {folder / weights.name}" in printed
    assert {"rest", "velocity", "inertia"} <= set(printed.split())
    (old, before), (new, after) = read_tensors(weights), read_tensors(folder / weights.name)
    assert list(old) == list(new)
    changed = {name for name in old if not torch.equal(old[name], new[name])}
    assert changed
    assert all(name.startswith("inertia.") for name in changed)
    assert all(old[name].dtype == new[name].dtype for name in old)
    assert (before["kind"], before["config"]) == (after["kind"], after["config"])
    record = json.loads(after["record"])
    assert record["licence"] == "CC0"
    assert record["inertia"]["training"]["seed"] == 4
    metrics = record["inertia"]["held_out"]["filmed"]
    assert metrics["inertia"]["overlap"] >= metrics["rest"]["overlap"]
    assert load_engine("siammotion", str(folder / weights.name), "cpu", "fp32").trained
    assert main(arguments) == 0
    assert all(torch.equal(v, new[k]) for k, v in read_tensors(folder / weights.name)[0].items())


def test_the_inertia_of_siammotion_n_is_trained_as_well(clips, tmp_path, capsys):
    torch.manual_seed(3)
    config, path = LightConfig(**SMALL), tmp_path / "light.safetensors"
    save_weights(path, LightNet(config), "siammotion-n", config, {})
    settings = ["ahead=3", "strides=[1]", "held_out=[kept]", "learning_rate=0.01"]
    arguments = ["inertia", "--weights", str(path), "--data", str(clips), "--smoke"]
    arguments += [part for text in settings for part in ("--set", text)]
    assert main([*arguments, "--output", str(tmp_path / "out"), "--device", "cpu"]) == 0
    (old, before), (new, after) = read_tensors(path), read_tensors(tmp_path / "out" / path.name)
    changed = {name for name in old if not torch.equal(old[name], new[name])}
    assert changed
    assert all(name.startswith("inertia.layers.") for name in changed)
    assert before["kind"] == after["kind"] == "siammotion-n"
    assert load_engine("siammotion-n", str(tmp_path / "out" / path.name), "cpu").trained


@pytest.mark.parametrize(
    ("arguments", "settings", "message"),
    [
        ({"--hours": "0"}, "", "--hours must be more than 0"),
        ({"--weights": "none.safetensors"}, "", "there is no such weights file"),
        ({"--weights": "without.safetensors"}, "", "its network has no inertia module"),
        ({"--weights": "other.safetensors"}, "", "holds weights of 'backbone'"),
        ({"--output": "."}, "", "is where --weights lies"),
        ({"--data": "nowhere"}, "", "nowhere is not a folder"),
        ({"--data": "empty"}, "", "no sequence with gt/gt.txt in empty"),
        ({}, "held_out: [camel]", "held_out names camel, and none of them is in"),
        ({}, "held_out: [kept, learnt]", "none is left to train on"),
        ({}, "held_out: kept", "setting 'held_out' must be a list, got 'kept'"),
        ({}, "held_out: [kept]\nahead: 30", "no object has boxes on 36 frames in a row in learnt"),
        ({}, "steps: 0", "setting 'steps' must be 1 or more"),
        ({}, "strides: []", "setting 'strides' must be a list of numbers from 1 on"),
        ({}, "filmed_share: -1", "must not be below 0, nor all 0"),
        ({}, "ahed: 5", "did you mean 'ahead'?"),
    ],
)
def test_errors_are_one_sentence(
    arguments, settings, message, clips, weights, tmp_path, capsys, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "inertia.yaml").write_text(f"{settings}\n")
    (tmp_path / weights.name).write_bytes(weights.read_bytes())
    if arguments.get("--weights") == "without.safetensors":
        network = replace(NARROW, inertia=False)
        save_weights(
            tmp_path / "without.safetensors", SiamMotionNet(network), "siammotion", network, {}
        )
    save_weights(tmp_path / "other.safetensors", torch.nn.Linear(1, 1), "backbone", {}, {})
    options = {"--weights": weights.name, "--data": str(clips), "--config": "inertia.yaml"}
    options |= {"--output": "out", "--device": "cpu", **arguments}
    assert main(["inertia", *(word for pair in options.items() for word in pair)]) in (1, 2)
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1

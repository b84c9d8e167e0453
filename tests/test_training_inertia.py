"""The stage `inertia` of `mvot-train`: figures, the loop, the file that it leaves."""

import csv
import json
from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors import safe_open

from inertia_material import AHEAD, CONFIG, KNOWN, NO_WINDOWS, steady
from mvot_pipelines.training.cli import main
from mvot_pipelines.training.inertia.figures import (
    compare,
    judge,
    mean_velocity,
    rest,
    rollout,
    velocity,
)
from mvot_pipelines.training.inertia.learning import InertiaTraining, inertia_loss
from mvot_pipelines.training.inertia.material import Material
from mvot_pipelines.training.inertia.settings import InertiaConfig
from mvot_pipelines.training.inertia.windows import Windows
from mvot_plugin.engines import load_engine
from mvot_plugin.errors import UsageError
from mvot_plugin.models.inertia import Inertia
from mvot_plugin.models.siammotion import SiamMotionConfig, SiamMotionNet
from mvot_plugin.weights import save_weights
from training_material import write_clip

NARROW = SiamMotionConfig(width=32, backbone_width=16)


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    root = tmp_path_factory.mktemp("clips")
    write_clip(root / "learnt", masked=False)
    write_clip(root / "kept", masked=True)
    return root


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "narrow.safetensors"
    torch.manual_seed(3)
    save_weights(path, SiamMotionNet(NARROW), "siammotion", NARROW, {"licence": "CC0"})
    return path


def training(config=CONFIG, **changes):
    torch.manual_seed(0)
    material = Material(tracked=steady(20, 1), filmed=steady(20, 2))
    return InertiaTraining(Inertia(), config, material, {"filmed": steady(30, 3)}, **changes)


def test_figures_by_hand():
    at = np.array([0, 4, 8, 12, 15, 25, 30, 35, 42], np.float32)
    true = np.zeros((1, KNOWN + AHEAD, 4), np.float32) + np.float32([0, 0, 10, 10])
    true[0, :, 0] = at
    windows = Windows(seen=true[:, :KNOWN], true=true)
    found = judge(rest, windows)
    assert (found.overlap, found.miss) == pytest.approx((50 / 150, 0.5))
    assert (found.overlap_ahead, found.miss_ahead) == pytest.approx((0, 1.7))
    found = judge(velocity, windows)  # at 35, 45, 55
    assert (found.overlap, found.miss) == pytest.approx((50 / 150, 0.5))
    assert (found.overlap_ahead, found.miss_ahead) == pytest.approx((0, 1.3))
    found = judge(mean_velocity, windows)  # at 30, then by steps of 5.2 and 5.44
    assert (found.overlap, found.miss) == pytest.approx((1, 0), abs=1e-5)
    off = 42 - 40.64
    assert found.miss_ahead == pytest.approx(off / 10, abs=1e-5)
    assert found.overlap_ahead == pytest.approx((10 - off) / (10 + off), abs=1e-5)
    both = compare(Inertia(), {"tracked": NO_WINDOWS, "filmed": windows})
    assert both["filmed"]["inertia"] == judge(rest, windows)  # untrained, it predicts rest
    assert both.keys() == {"filmed"}


def test_the_loss_weighs_the_boxes_after_the_first():
    windows = steady(1)
    seen, true = torch.from_numpy(windows.seen), torch.from_numpy(windows.true[:, KNOWN:])
    untrained = Inertia().requires_grad_(False)
    first = float(inertia_loss(untrained, seen, true[:, :1], 0.5))
    off = np.abs(windows.true[0, KNOWN, :2] - windows.true[0, KNOWN - 1, :2]) / 40
    shared = np.prod(1 - off)
    smooth = np.where(off < 0.02, off**2 / 0.04, off - 0.01).sum()
    assert first == pytest.approx(smooth + 1 - shared / (2 - shared), rel=1e-3)
    whole = [float(inertia_loss(untrained, seen, true, weight)) for weight in (0.0, 0.5, 1.0)]
    assert whole[0] == pytest.approx(first)
    assert whole[1] == pytest.approx((whole[0] + whole[2]) / 2)
    assert whole[2] > 2 * first


def test_constant_velocity_is_learnt_and_does_not_explode():
    config = InertiaConfig(steps=200, batch=64, ahead=AHEAD, rate=1e-2, rise=20)
    material = Material(tracked=NO_WINDOWS, filmed=steady(400, 1))
    shown = steady(100, 2)
    run = InertiaTraining(Inertia(), replace(config, invented=0.0), material, {"filmed": shown})
    before = judge(run.inertia, shown)
    for _ in range(200):
        run.learn()
    after = judge(run.inertia, shown)
    assert before.overlap < 0.75
    assert before.overlap_ahead < 0.45
    assert after.overlap > 0.95
    assert after.miss < 0.2 * before.miss
    assert after.overlap_ahead > 0.85
    far = rollout(run.inertia, torch.from_numpy(shown.seen), 60).detach()
    gone = (far[:, -1, :2] - far[:, 0, :2]).abs().numpy() / 40
    assert (gone < 60 * 0.3 * 1.3).all()
    assert 10 < float(far[..., 2:].min()) < float(far[..., 2:].max()) < 160


def test_a_run_that_was_broken_off_goes_on_to_the_same_result(tmp_path):
    whole, first, second = training(), training(), training()
    (tmp_path / "whole").mkdir()
    whole.run(tmp_path / "whole", seconds=600.0)
    first.run(tmp_path, seconds=0.0)
    assert first.step == 1
    second.resume(tmp_path)
    second.run(tmp_path, seconds=600.0)
    for a, b in (
        (whole.inertia.state_dict(), second.inertia.state_dict()),
        (whole.best, second.best),
    ):
        assert all(torch.equal(a[name], b[name]) for name in a)
    tables = [(folder / "inertia.csv").read_text() for folder in (tmp_path / "whole", tmp_path)]
    assert tables[0] == tables[1]
    rows = list(csv.DictReader(tables[0].splitlines()))
    assert [row["step"] for row in rows] == ["0", "4", "8", "10"]
    assert max(float(row["quality"]) for row in rows) == pytest.approx(whole.quality, rel=1e-5)


def test_the_best_weights_are_kept_not_the_last():
    run = training()
    before, run.quality = deepcopy(run.best), 2.0
    run.learn()
    run._look()
    assert all(torch.equal(run.best[name], before[name]) for name in before)
    run.quality = -1.0
    run._look()
    assert torch.equal(run.best["layers.4.bias"], run.inertia.layers[4].bias.detach())
    run.learn()
    assert not torch.equal(run.best["layers.4.bias"], run.inertia.layers[4].bias.detach())


def test_another_runs_checkpoint_is_refused(tmp_path):
    training(origin="a").save(tmp_path)
    training(origin="a").resume(tmp_path)
    with pytest.raises(UsageError, match="other weights, data or settings"):
        training(origin="b").resume(tmp_path)


def contents(path):
    with safe_open(str(path), "pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}, file.metadata()  # noqa: SIM118


def test_mvot_train_leaves_all_but_inertia_as_it_was(clips, weights, tmp_path, capsys):
    config = tmp_path / "inertia.yaml"
    config.write_text("ahead: 3\nstrides: [1]\nheld_out: [kept]\nseed: 4\nrate: 0.01\n")
    folder = tmp_path / "out"
    arguments = ["inertia", "--weights", str(weights), "--data", str(clips), "--smoke"]
    arguments += ["--config", str(config), "--output", str(folder), "--device", "cpu"]
    assert main(arguments) == 0
    said = capsys.readouterr().out
    assert f"saved {folder / weights.name}" in said
    assert {"rest", "velocity", "inertia"} <= set(said.split())
    (old, before), (new, after) = contents(weights), contents(folder / weights.name)
    assert list(old) == list(new)
    changed = {name for name in old if not torch.equal(old[name], new[name])}
    assert changed
    assert all(name.startswith("inertia.") for name in changed)
    assert all(old[name].dtype == new[name].dtype for name in old)
    assert (before["kind"], before["config"]) == (after["kind"], after["config"])
    record = json.loads(after["record"])
    assert record["licence"] == "CC0"
    assert record["inertia"]["training"]["seed"] == 4
    shown = record["inertia"]["held_out"]["filmed"]
    assert shown["inertia"]["overlap"] >= shown["rest"]["overlap"]
    assert load_engine("siammotion", str(folder / weights.name), "cpu", "fp32").trained
    assert main(arguments) == 0
    assert all(torch.equal(v, new[k]) for k, v in contents(folder / weights.name)[0].items())


@pytest.mark.parametrize(
    ("arguments", "settings", "said"),
    [
        ({"--hours": "0"}, "", "--hours must be more than 0"),
        ({"--weights": "none.safetensors"}, "", "there is no such weights file"),
        ({"--weights": "without.safetensors"}, "", "its network has no inertia module"),
        ({"--output": "."}, "", "is where --weights lies"),
        ({"--data": "nowhere"}, "", "nowhere is no folder"),
        ({"--data": "empty"}, "", "no sequence with gt/gt.txt in empty"),
        ({}, "held_out: [camel]", "held_out names camel, and none of them is in"),
        ({}, "held_out: [kept, learnt]", "none is left to learn from"),
        ({}, "held_out: kept", "setting 'held_out' must be a list, got 'kept'"),
        ({}, "held_out: [kept]\nahead: 30", "no object has boxes on 36 frames in a row in learnt"),
        ({}, "steps: 0", "setting 'steps' must be 1 or more"),
        ({}, "strides: []", "setting 'strides' must be a list of numbers from 1 on"),
        ({}, "filmed: -1", "none below 0, not all 0"),
        ({}, "ahed: 5", "did you mean 'ahead'?"),
    ],
)
def test_what_is_wrong_is_one_sentence(
    arguments, settings, said, clips, weights, tmp_path, capsys, monkeypatch
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
    given = {"--weights": weights.name, "--data": str(clips), "--config": "inertia.yaml"}
    given |= {"--output": "out", "--device": "cpu", **arguments}
    assert main(["inertia", *(word for pair in given.items() for word in pair)]) in (1, 2)
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1

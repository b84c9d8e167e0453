"""The settings of the stage `siamese`, its command, and its messages."""

import csv
import json
from dataclasses import replace

import pytest
import torch

from helpers.engine_runs import APART, follow
from helpers.small_light import SMALL, build_lively_network
from helpers.training.siamese import CONFIG, NARROW, SHORT, create_trainer
from helpers.weights_files import read_tensors
from mvot_plugin.config import build_config
from mvot_plugin.engines import load_engine
from mvot_plugin.engines.table import ENGINES
from mvot_plugin.errors import InputError, UsageError
from mvot_plugin.models.imsiam.config import PRESETS, ImSiamConfig
from mvot_plugin.models.light.config import LightConfig
from mvot_plugin.weights import read_weights, save_weights, shipped_weights
from mvot_training.cli import main
from mvot_training.config import read_settings
from mvot_training.data.training_data import TrainingData
from mvot_training.siamese.config import SYSTEMS, SiameseTrainingConfig
from mvot_training.siamese.entry import build_systems, train_siamese
from mvot_training.siamese.trainer import LOSSES

forks = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
"""A process of its own samples the batches."""
FAST = ["--smoke", "--device", "cpu", "--set", "steps=2", "--set", "batch=2"]
FAST += ["--set", "validation_frames=3", "--set", "zooms=[0.25]"]
PAPER = {"backbone": "resnet50", "width": 16, "depth": 1, "search_bins": 9, "exemplar_bins": 7}
"""The paper's backbone, with little of everything else."""


def test_every_engine_of_the_stage_has_a_network_and_a_loss():
    assert set(SYSTEMS) == set(LOSSES)
    assert set(SYSTEMS) <= set(ENGINES)


def test_networks_are_those_of_the_presets_as_they_are_changed():
    assert SiameseTrainingConfig().architecture("imsiam") == PRESETS["imsiam"]
    changed = CONFIG.architecture("imsiam")
    assert changed == replace(PRESETS["imsiam"], **NARROW["imsiam"])


def test_the_packaged_config_samples_masks_and_negative_pairs():
    config = build_config(SiameseTrainingConfig, read_settings("siamese", "siamese"))
    assert config.engines == SYSTEMS
    assert config.sampling.masks
    assert config.sampling.negative_share > 0
    assert config.sampling.background_share > 0
    assert len(config.held_out) > 10


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"engines": ("imsiem",)}, "unknown engine of this stage 'imsiem': did you mean 'imsiam'"),
        ({"engines": ("siammotion",)}, "unknown engine of this stage 'siammotion'"),
        ({"engines": ()}, "'engines' must name one or more"),
        ({"networks": {"siamfc": {}}}, "unknown engine of this stage 'siamfc'"),
        ({"networks": {"imsiam": {"widht": 8}}}, r"'networks\.imsiam\.widht'.*imsiam\.width'"),
        ({"networks": {"imsiam": {"backbone": "resnet50"}}}, "must have the same backbone"),
        ({"shares": {"hold": 0.5}}, "unknown engine of this stage 'hold'"),
        ({"shares": {"imsiam": 0.0}}, r"'shares\.imsiam' must be above 0"),
        ({"shares": {"imsiam": 1.5}}, r"'shares\.imsiam' must be above 0, up to 1, got 1\.5"),
        ({"zooms": ()}, "'zooms' must list numbers from 0.1 to 2"),
        ({"zooms": (0.5, 0.05)}, "'zooms' must list numbers from 0.1 to 2"),
        ({"zooms": (float("nan"),)}, "'zooms' must list numbers from 0.1 to 2"),
        ({"loss": {"regions": 0}}, r"'loss\.regions' must be 1 or more"),
        ({"batch": 0}, "'batch' must be 1 or more"),
    ],
)
def test_settings_that_cannot_be_are_named(changes, message):
    with pytest.raises(UsageError, match=message):
        build_config(SiameseTrainingConfig, changes)


def test_networks_begin_with_the_packaged_backbone():
    systems = build_systems(CONFIG, None)
    _, tensors = read_weights(shipped_weights("siammotion-n"), "siammotion-n")
    own = systems.backbone.state_dict()
    assert own
    assert all(torch.equal(value, tensors[f"backbone.{name}"]) for name, value in own.items())
    assert {id(network.backbone) for network in systems.networks.values()} == {id(systems.backbone)}


def test_networks_begin_with_the_backbone_of_a_file(tmp_path):
    torch.manual_seed(5)
    config, path = LightConfig(), tmp_path / "light.safetensors"
    network = build_lively_network(config)
    save_weights(path, network, "siammotion-n", config, {})
    systems = build_systems(CONFIG, path)
    for name, value in network.backbone.named_parameters():
        taken = systems.backbone.get_parameter(name)
        assert torch.equal(taken, value.detach().half().float()), name


def test_a_backbone_that_does_not_fit_is_named(tmp_path):
    narrow, path = LightConfig(**SMALL), tmp_path / "narrow.safetensors"
    save_weights(path, build_lively_network(narrow), "siammotion-n", narrow, {})
    with pytest.raises(InputError, match=r"narrow\.safetensors: does not fit the network"):
        build_systems(CONFIG, path)
    with pytest.raises(InputError, match=r"siamfc\.safetensors: holds weights of 'siamfc'"):
        build_systems(CONFIG, shipped_weights("siamfc"))
    paper = replace(CONFIG, engines=("imsiam",), networks={"imsiam": PAPER})
    with pytest.raises(UsageError, match="--backbone: is of siammotion-n"):
        build_systems(paper, shipped_weights("siammotion-n"))


def test_the_papers_backbone_is_trained_with_three_levels(roots):
    config = replace(
        CONFIG,
        **{**SHORT, "batch": 2, "zooms": (0.1,)},
        engines=("imsiam",),
        networks={"imsiam": PAPER},
        backbone_rate_factor=0.1,
    )
    trainer = create_trainer(config)
    network = trainer.network.networks["imsiam"]
    assert network.config == ImSiamConfig(**{**vars(PRESETS["imsiam"]), **PAPER})
    assert network.levels == 3
    before = network.backbone.conv1.weight.detach().clone()
    data = TrainingData.read(roots, synthetic_scenes=0, progress=False)
    losses = trainer.train_step(trainer.sample_batch(data, 0))
    assert set(losses) == {
        *("loss", "imsiam/classes", "imsiam/regression", "imsiam/centerness", "imsiam/iou")
    }
    assert not torch.equal(before, network.backbone.conv1.weight)


def test_pairs_without_labels_are_refused(roots, tmp_path):
    sampling = replace(CONFIG.sampling, weights={"videos": 0.5, "unlabelled": 0.5})
    with pytest.raises(UsageError, match="'unlabelled', of which only the stage light learns"):
        train_siamese(replace(CONFIG, sampling=sampling), roots, tmp_path, device="cpu")


@forks
@pytest.mark.usefixtures("smoke_is_written")
def test_mvot_train_saves_weights_that_engines_load(tmp_path, capsys, moving_frames):
    folder = tmp_path / "run"
    arguments = ["siamese", *FAST, "--output", str(folder)]
    arguments += ["--set", "engines=[siammot-imm, siamattn]"]
    arguments += ["--set", f"networks={json.dumps(NARROW)}"]
    assert main(arguments) == 0
    first = folder / "siammot-imm.safetensors"
    assert f"saved {first}" in capsys.readouterr().out
    for name in ("siammot-imm", "siamattn"):
        path = folder / f"{name}.safetensors"
        engine = load_engine(name, str(path), "cpu", "fp32")
        assert engine.trained
        config = engine.network.config
        assert config == replace(CONFIG.architecture(name), calibration=config.calibration)
        targets, motions = follow(engine, moving_frames[:2])
        assert motions[0].boxes.shape == APART.shape
        assert (targets.masks is not None) == (name == "siamattn")
        metadata = read_tensors(path)[1]
        record = json.loads(metadata["record"])
        assert metadata["kind"] == name
        assert (record["licence"], record["steps"]) == ("Apache-2.0", 2)
        assert record["backbone"] == "siammotion-n"
    rows = list(csv.DictReader((folder / "losses.csv").read_text().splitlines()))
    assert rows[-1]["step"] == "2"
    assert {"siammot-imm/motion", "siamattn/proposals"} < set(rows[-1])
    (validation,) = csv.DictReader((folder / "validation.csv").read_text().splitlines())
    assert set(validation) == {"step", "siammot-imm", "siamattn", "mean"}
    assert main(arguments) == 0
    assert main([*arguments, "--set", "engines=[imsiam]"]) == 1
    assert "was left by a training of another network" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--backbone", "none.safetensors"], "none.safetensors: there is no such weights file"),
        (["--set", "engines=[emm]"], "unknown engine of this stage 'emm'"),
        (["--set", "zooms=[3]"], "'zooms' must list numbers from 0.1 to 2"),
        (["--set", "sampling.weights={unlabelled: 1}"], "only the stage light learns"),
        (["--set", "networks.imsiam.backbone=resnet18"], "unknown backbone 'resnet18'"),
    ],
)
def test_errors_are_one_sentence(arguments, message, roots, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    data = ["--data", *map(str, roots)]
    assert main(["siamese", *FAST, *data, "--output", "run", *arguments]) in (1, 2)
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1

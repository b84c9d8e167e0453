"""The stage `light` of `mvot-train`: its trainer, the weights that it saves, its messages."""

import csv
import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from helpers.engine_runs import follow
from helpers.small_light import SMALL, build_lively_network
from helpers.weights_files import are_tensors_equal, read_tensors
from mvot_plugin.engines import load_engine
from mvot_plugin.engines.nanotrack import loading
from mvot_plugin.errors import UsageError
from mvot_plugin.models.light.config import LightConfig
from mvot_plugin.weights import read_weights, save_weights
from mvot_training.cli import main
from mvot_training.light import trainer as trainer_module
from mvot_training.light.config import LightTrainingConfig
from mvot_training.light.teacher import NanoTrackTeacher
from mvot_training.light.trainer import LightTrainer, Student, pair_geometries
from mvot_training.pairs.config import SamplingConfig

CPU = torch.device("cpu")
SAMPLING = SamplingConfig(negative_share=0.0, photometric=False)
CONFIG = LightTrainingConfig(
    network=SMALL, steps=6, batch=4, warmup_steps=1, sampling=SAMPLING, image_sides=(128,)
)
forks = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
"""A process of its own samples the batches."""


@pytest.fixture
def teacher(published):
    return NanoTrackTeacher(published, CPU)


@pytest.fixture
def one_opencv_thread():
    """OpenCV's own threads do not live on in a process that samples batches."""
    count = cv2.getNumThreads()
    cv2.setNumThreads(1)
    yield
    cv2.setNumThreads(count)


def create_trainer(teacher, config=CONFIG):
    torch.manual_seed(config.seed)
    network = build_lively_network(config.architecture())
    return LightTrainer(Student(network, teacher.channels), config, teacher)


def copy_parameters(module):
    return {name: value.detach().clone() for name, value in module.named_parameters()}


def test_the_loss_of_a_batch_falls(teacher, training_data):
    trainer = create_trainer(teacher, replace(CONFIG, steps=200, learning_rate=3e-3))
    batch = trainer.sample_batch(training_data, 0)
    losses = [trainer.train_step(batch) for _ in range(40)]
    assert set(losses[0]) == {
        *("loss", "imitation", "truth", "boxes", "distances", "visibility", "features")
    }
    means = [np.mean([step["loss"] for step in part]) for part in (losses[:4], losses[-4:])]
    assert means[1] < 0.7 * means[0]


def test_every_part_is_trained_but_inertia_and_the_teacher(teacher, training_data):
    trainer = create_trainer(teacher)
    before, taught = copy_parameters(trainer.network), copy_parameters(teacher.network)
    batch = trainer.sample_batch(training_data, 0)
    for _ in range(3):
        trainer.train_step(batch)
    after = copy_parameters(trainer.network)
    still = {name for name in before if torch.equal(before[name], after[name])}
    assert still
    assert all(name.startswith("network.inertia.") for name in still)
    assert are_tensors_equal(taught, copy_parameters(teacher.network))
    rates = trainer.learning_rates()
    assert rates[0] == rates[1] > 0
    slow = create_trainer(teacher, replace(CONFIG, backbone_rate_factor=0.25))
    assert slow.learning_rates()[1] == pytest.approx(0.25 * slow.learning_rates()[0])


def test_pairs_are_seen_at_16_pixels_in_a_bin(teacher, training_data):
    trainer = create_trainer(teacher)
    batch = trainer.sample_batch(training_data, 0)
    assert batch.exemplars.shape[1:] == (192, 192, 3)
    assert batch.searches.shape[1:] == (256, 256, 3)
    for geometry in pair_geometries(trainer.network.network):
        assert geometry.min_side == geometry.max_side == pytest.approx(128 * 31 / 15)


def test_the_ground_truth_counts_from_the_middle(teacher, training_data, monkeypatch):
    trainer, seen = create_trainer(teacher), []

    def note(config, answers, lesson, truth, places):
        seen.append((answers, truth))
        return {"nothing": answers.logits.sum() * 0}

    monkeypatch.setattr(trainer_module, "pair_losses", note)
    batch = trainer.sample_batch(training_data, 0)
    trainer.compute_loss(batch)
    ((answers, truth),) = seen
    assert answers.logits.shape == (4, 16, 16)
    assert np.allclose(truth.boxes.numpy(), batch.boxes - 128)
    assert truth.visible.tolist() == batch.positive.tolist()
    assert truth.labelled.tolist() == batch.labelled.tolist()


@pytest.mark.parametrize("side", [128, 96, 176])
@pytest.mark.parametrize(("first", "bins", "size"), [(2, 8, 192), (0, 16, 256)])
def test_the_student_sees_bins_where_the_engine_does(side, first, bins, size, teacher):
    """Of an image as bright as its x: the bins are 16 pixels apart, from the first cell on."""
    trainer = create_trainer(teacher)
    trainer.network.network.backbone = torch.nn.AvgPool2d(1, stride=8)
    ramp = torch.arange(size).to(torch.uint8).expand(1, size, size)
    images = ramp[..., None].expand(1, size, size, 3).contiguous()
    features = trainer._see(images, side, first, bins)
    assert features.shape == (1, bins, bins, 3)
    seen = features[0, bins // 2, :, 0] * 58.395 + 123.675
    expected = 16.0 * (torch.arange(bins) + first) + 1.0 - 0.5
    inner = slice(1, -1)
    assert torch.allclose(seen[inner], expected[inner], atol=1.0)
    assert abs(float((seen - expected)[inner].mean())) < 0.5


def test_steps_take_the_sizes_of_images_in_turn(teacher, training_data, monkeypatch):
    trainer, sides = create_trainer(teacher, replace(CONFIG, image_sides=(128, 96))), []
    see = LightTrainer._see

    def note(self, images, side, *arguments):
        sides.append(side)
        return see(self, images, side, *arguments)

    monkeypatch.setattr(LightTrainer, "_see", note)
    batch = trainer.sample_batch(training_data, 0)
    for _ in range(3):
        trainer.train_step(batch)
    assert sides == [128, 128, 96, 96, 128, 128]


@forks
@pytest.mark.usefixtures("one_opencv_thread")
def test_a_resumed_training_gives_the_same_result(teacher, training_data, tmp_path):
    uninterrupted, first, second = (create_trainer(teacher) for _ in range(3))
    uninterrupted.run(training_data, tmp_path, seconds=600.0, log_every=4)
    first.run(training_data, tmp_path, seconds=0.0, log_every=4)
    assert first.step == 1
    second.resume(tmp_path / "last.pt")
    second.run(training_data, tmp_path, seconds=600.0, log_every=4)
    for a, b in ((uninterrupted.network, second.network), (uninterrupted.average, second.average)):
        assert are_tensors_equal(a.state_dict(), b.state_dict())


SHORT = ["--smoke", "--device", "cpu", "--set", "steps=3", "--set", "network.width=16"]
SHORT += ["--set", "network.head_width=16"]


@forks
@pytest.mark.usefixtures("smoke_is_written")
def test_mvot_train_saves_weights_that_an_engine_loads(published, tmp_path, capsys, moving_frames):
    folder = tmp_path / "run"
    arguments = ["light", *SHORT, "--teacher", str(published), "--output", str(folder)]
    assert main(arguments) == 0
    path = folder / "siammotion-n.safetensors"
    assert f"saved {path}" in capsys.readouterr().out
    engine = load_engine("siammotion-n", str(path), "cpu", "fp32")
    assert engine.trained
    config = engine.network.config
    assert config == LightConfig(**SMALL, calibration=config.calibration)
    assert config.calibration != (1.0, 0.0)
    assert len(follow(engine, moving_frames[:2])[0]) == 4
    metadata = read_tensors(path)[1]
    record = json.loads(metadata["record"])
    assert metadata["kind"] == "siammotion-n"
    assert (record["licence"], record["steps"]) == ("Apache-2.0", 3)
    assert record["teacher"].startswith("NanoTrack v2")
    rows = list(csv.DictReader((folder / "losses.csv").read_text().splitlines()))
    assert rows[-1]["step"] == "3"
    assert main(arguments) == 0


@forks
@pytest.mark.usefixtures("smoke_is_written")
def test_a_training_starts_from_weights(published, tmp_path):
    torch.manual_seed(5)
    config, start = LightConfig(**SMALL), tmp_path / "start.safetensors"
    network = build_lively_network(config)
    save_weights(start, network, "siammotion-n", config, {})
    folder = tmp_path / "run"
    arguments = ["light", *SHORT, "--teacher", str(published), "--output", str(folder)]
    still = ["--weights", str(start), "--set", "learning_rate=0", "--set", "weight_decay=0"]
    assert main([*arguments, *still]) == 0
    _, tensors = read_weights(folder / "siammotion-n.safetensors", "siammotion-n")
    for name, value in network.named_parameters():
        assert torch.equal(tensors[name], value.detach().half().float()), name


@pytest.mark.usefixtures("smoke_is_written")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--teacher", "nowhere"], "nanotrack_backbone_sim.onnx: there is no such file"),
        (["--weights", "none.safetensors"], "none.safetensors: there is no such weights file"),
        (["--set", "network.backbone=lite0"], "unknown setting 'network.backbone'"),
        (["--set", "sampling.weights={clips: 1}"], "origin of pairs 'clips'"),
        (["--set", "image_sides=128"], "'image_sides' must be a list"),
    ],
)
def test_errors_are_one_sentence(arguments, message, published, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = ["light", *SHORT, "--output", "run", "--teacher", str(published), *arguments]
    assert main(run) in (1, 2)
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


@pytest.mark.usefixtures("smoke_is_written")
def test_without_the_teachers_files_and_a_network_there_is_a_sentence(
    tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr(loading, "ADDRESS", (tmp_path / "nowhere").as_uri() + "/{}")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert main(["light", "--smoke", "--output", str(tmp_path / "run")]) == 1
    error = capsys.readouterr().err
    assert "nanotrack_backbone_sim.onnx: could not be fetched" in error
    assert "nanotrack_backbone_sim.onnx and nanotrack_head_sim.onnx, as --teacher FOLDER" in error
    assert error.count("\n") == 1


def test_network_settings_are_the_networks_own():
    assert LightTrainingConfig().architecture() == LightConfig()
    assert CONFIG.architecture() == LightConfig(**SMALL)
    with pytest.raises(UsageError, match=r"'network\.head_widht'.*'network\.head_width'"):
        LightTrainingConfig(network={"head_widht": 8})

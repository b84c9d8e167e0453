"""The stage `backbone` of `mvot-train`: its images, its trainer, the weights it saves."""

import csv
import io
import json
import tarfile
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from helpers.training.data import write_annotated_photos, write_annotated_video
from mvot_plugin.errors import InputError, UsageError
from mvot_plugin.models.backbones.efficientnet import EfficientNetLite
from mvot_plugin.models.siammotion import SiamMotionNet
from mvot_plugin.models.siammotion_config import SiamMotionConfig
from mvot_training.backbone import crops, distillation
from mvot_training.backbone.config import BackboneTrainingConfig
from mvot_training.backbone.crops import (
    sample_step,
    sample_validation_crops,
    select_validation_tiles,
)
from mvot_training.backbone.entry import train_backbone
from mvot_training.backbone.images import read_distillation_images
from mvot_training.backbone.trainer import BackboneTrainer
from mvot_training.cli import main
from mvot_training.pretrained import initialise_backbone

NARROW = SiamMotionConfig(width=32, backbone_width=16)
CONFIG = BackboneTrainingConfig(
    width=16,
    steps=4,
    batch=2,
    crop_sizes=(64,),
    warmup_steps=2,
    validate_every=2,
    validation_crops=4,
    hold_out_every=2,
)
COLOURS = {"n01": (20, 20, 220), "n02": (220, 20, 20)}
CPU = torch.device("cpu")


def write_tiny_imagenet(path):
    """Tiny ImageNet of two classes, red and blue, with 3 photos to train and 2 to validate on."""
    photos, labels = {}, ""
    for name, colour in COLOURS.items():
        code = cv2.imencode(".jpg", np.full((64, 64, 3), colour, np.uint8))[1].tobytes()
        photos |= {f"train/{name}/images/{name}_{n}.JPEG": code for n in range(3)}
        photos |= {f"val/images/val_{name}_{n}.JPEG": code for n in range(2)}
        labels += "".join(f"val_{name}_{n}.JPEG\t{name}\t0\t0\t63\t63\n" for n in range(2))
    with tarfile.open(path, "w:gz") as tar:
        for path_in_tar, code in {**photos, "val/val_annotations.txt": labels.encode()}.items():
            entry = tarfile.TarInfo(f"tiny-imagenet-200/{path_in_tar}")
            entry.size = len(code)
            tar.addfile(entry, io.BytesIO(code))


@pytest.fixture(scope="module")
def roots(tmp_path_factory):
    root = tmp_path_factory.mktemp("data")
    write_annotated_video(root / "clips" / "learnt", masked=False)
    write_annotated_video(root / "clips" / "kept", masked=False)
    write_annotated_photos(root / "photos" / "discs")
    write_tiny_imagenet(root / "photos" / "tiny.tar.gz")
    return [root / "clips", root / "photos"]


@pytest.fixture(scope="module")
def images(roots):
    return read_distillation_images(roots, held_out=["kept"], hold_out_every=2)


@pytest.fixture(autouse=True)
def teacher(monkeypatch):
    """An untrained teacher, which needs no package of pretrained weights."""

    def untrained(name):
        torch.manual_seed(11)
        return EfficientNetLite(name)

    monkeypatch.setattr(distillation, "load_pretrained", untrained)


def test_held_out_images_are_not_trained_on(images, roots):
    trained, held_out = images
    assert trained.counts == {"photos": 1, "frames": 12, "tiles": 6}
    assert held_out.counts == {"photos": 1, "frames": 12, "tiles": 4}
    assert not np.array_equal(trained.videos[0][0], held_out.videos[0][0])
    assert not np.array_equal(trained.photos[0], held_out.photos[0])
    trained, held_out = read_distillation_images(
        roots, held_out=["discs", "kept"], hold_out_every=2
    )
    assert trained.counts["photos"] == held_out.counts["photos"] == 0
    with pytest.raises(InputError, match="no photos and no sequences to train on"):
        read_distillation_images(roots[:1], held_out=["kept", "learnt"], hold_out_every=2)


def test_a_damaged_archive_is_named(tmp_path):
    (tmp_path / "tiny.tar.gz").write_bytes(b"nonsense")
    with pytest.raises(InputError, match=r"tiny\.tar\.gz is not an archive of Tiny ImageNet"):
        read_distillation_images([tmp_path], held_out=[], hold_out_every=2)


def test_labels_belong_to_their_tiles(images, monkeypatch):
    monkeypatch.setattr(crops, "apply_photometric_augmentation", lambda rng, image, blur: image)
    for size, cells in ((96, 1), (160, 2), (256, 2)):
        config = replace(CONFIG, crop_sizes=(size,), batch=12, tile_share=0.5)
        batch = sample_step(images[0], list(COLOURS), config, 5)
        assert batch.images.shape[1:] == (size, size, 3)
        assert batch.labels.shape == (len(batch.images), cells, cells)
        tiled = batch.labels[:, 0, 0] >= 0
        assert tiled.sum() == round(len(tiled) / 2)
        assert (batch.labels[~tiled] == -1).all()
        part = size // cells
        for n, y, x in np.argwhere(batch.labels >= 0):
            tile = batch.images[n, y * part : (y + 1) * part, x * part : (x + 1) * part]
            colour = list(COLOURS.values())[batch.labels[n, y, x]]
            assert tile.reshape(-1, 3).mean(0) == pytest.approx(colour, abs=3)


def test_a_step_has_the_same_batch_each_time(images):
    sampled = [sample_step(images[0], list(COLOURS), CONFIG, step).images for step in (3, 3, 4)]
    assert np.array_equal(sampled[0], sampled[1])
    assert not np.array_equal(sampled[0], sampled[2])
    validated = (
        sample_validation_crops(images[1], CONFIG, 5),
        sample_validation_crops(images[1], CONFIG, 5),
    )
    assert np.array_equal(validated[0].images, validated[1].images)
    tiles = select_validation_tiles(images[1], ["n02"], 100)
    assert sorted(tiles.labels.ravel()) == [-1, -1, 0, 0]


def test_the_loss_of_a_batch_falls(images):
    trainer = BackboneTrainer(replace(CONFIG, steps=60), list(COLOURS), CPU)
    batch = sample_step(images[0], list(COLOURS), trainer.config, 0)
    losses = [trainer.train_step(batch) for _ in range(12)]
    for name in ("stride 4", "stride 8", "stride 16", "label"):
        assert losses[-1][name] < 0.7 * losses[0][name]
    parts = [losses[0][f"stride {stride}"] for stride in (4, 8, 16)]
    assert losses[0]["loss"] == pytest.approx(sum(parts) + CONFIG.label_weight * losses[0]["label"])


def test_the_moving_average_is_validated(images):
    held_out = replace(images[1], photos=())
    trainer = BackboneTrainer(CONFIG, list(COLOURS), CPU, held_out=held_out)
    average = trainer.average
    average.classifier.weight.zero_()
    average.classifier.bias.copy_(torch.tensor([3.0, 0.0]))
    for adapter in average.projection:
        adapter.weight.zero_()
        adapter.bias.zero_()
    metrics = trainer.validate()
    sure, other = np.log1p(np.exp(-3)), np.log1p(np.exp(3))
    assert metrics["label"] == pytest.approx((sure + other) / 2, rel=1e-3)
    assert metrics["top1"] == 0.5
    batch = sample_validation_crops(held_out, CONFIG, CONFIG.validation_crops)
    pixels = trainer._normalize(batch.images)
    for stride, teacher_map in zip((4, 8, 16), trainer.teacher(pixels), strict=True):
        far = teacher_map.float().abs()  # of untrained norms: mean 0, variance 1
        expected = torch.where(far < 1, far**2 / 2, far - 0.5).mean() + 1  # zeros have no direction
        assert metrics[f"stride {stride}"] == pytest.approx(float(expected), rel=1e-3)
    parts = [metrics[f"stride {stride}"] for stride in (4, 8, 16)]
    assert metrics["loss"] == pytest.approx(sum(parts) + CONFIG.label_weight * metrics["label"])


def test_a_resumed_training_gives_the_same_result(roots, tmp_path):
    config = replace(CONFIG, held_out=("kept",))
    uninterrupted, resumed = tmp_path / "uninterrupted", tmp_path / "resumed"
    path = train_backbone(config, roots, uninterrupted, device="cpu")
    train_backbone(config, roots, resumed, device="cpu", hours=1e-9)
    assert torch.load(resumed / "last.pt", weights_only=True)["step"] == 1
    train_backbone(config, roots, resumed, device="cpu")
    expected, continued = load_file(path), load_file(resumed / path.name)
    assert expected.keys() == continued.keys()
    assert all(torch.equal(value, continued[name]) for name, value in expected.items())
    states = [torch.load(f / "last.pt", weights_only=True) for f in (uninterrupted, resumed)]
    assert states[0]["step"] == states[1]["step"] == 4
    for part in ("network", "average"):
        for name, value in states[0][part].items():
            assert torch.equal(value, states[1][part][name]), name
    rows = [(f / "validation.csv").read_text() for f in (uninterrupted, resumed)]
    assert rows[0] == rows[1]
    losses = [float(row["loss"]) for row in csv.DictReader(rows[0].splitlines())]
    assert states[0]["best"] == pytest.approx(min(losses), abs=1e-5)
    with pytest.raises(InputError, match="another network, teacher or other classes"):
        train_backbone(replace(config, width=32), roots, uninterrupted, device="cpu")


def test_the_command_saves_a_backbone_to_start_from(roots, tmp_path, capsys):
    settings = tmp_path / "settings.yaml"
    settings.write_text(
        "{width: 16, steps: 2, batch: 2, crop_sizes: [64], warmup_steps: 1, hold_out_every: 2,"
        " validation_crops: 4, held_out: [kept], ema_decay: 0.0}"
    )
    data = [str(root) for root in roots]
    out = tmp_path / "out"
    command = ["backbone", "--data", *data, "--config", str(settings), "--output", str(out)]
    assert main([*command, "--device", "cpu"]) == 0
    path = out / "backbone.safetensors"
    assert capsys.readouterr().out == f"saved {path}\n"
    network = SiamMotionNet(NARROW)
    initialise_backbone(network, path)
    expected = torch.load(out / "last.pt", weights_only=True)["average"]
    for name, value in network.backbone.state_dict().items():
        average = expected[f"backbone.{name}"]
        assert torch.equal(
            value, average.half().float() if average.is_floating_point() else average
        ), name
    with safe_open(path, "pt") as file:
        record = json.loads(file.metadata()["record"])
    assert record["command"] == "mvot-train backbone --data clips photos"
    assert record["data"]["learnt"] == {"photos": 1, "frames": 12, "tiles": 6}
    assert (record["steps"], record["licence"]) == (2, "Apache-2.0")
    assert set(record["validation"]) >= {"loss", "stride 16", "top1"}
    for other, complaint in (
        (replace(NARROW, backbone="lite0"), "holds a resnet18, but .* is a lite0"),
        (replace(NARROW, backbone_width=32), r"has another shape of bn1\.bias"),
    ):
        with pytest.raises(InputError, match=complaint):
            initialise_backbone(SiamMotionNet(other), path)
    with pytest.raises(InputError, match=r"last\.pt: does not fit the backbone"):
        initialise_backbone(network, out / "last.pt")


@pytest.mark.parametrize(
    ("setting", "complaint"),
    [
        ({"crop_sizes": (100,)}, "multiples of 32"),
        ({"steps": 0}, "'steps' must be 1 or more"),
        ({"tile_share": 1.5}, "are shares"),
        ({"hold_out_every": 1}, "'hold_out_every' must be 2 or more"),
        ({"teacher": "lite00"}, "teacher 'lite00'"),
    ],
)
def test_impossible_settings_are_refused(setting, complaint):
    with pytest.raises(UsageError, match=complaint):
        BackboneTrainingConfig(**setting)

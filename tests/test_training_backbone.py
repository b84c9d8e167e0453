"""The stage `backbone` of `mvot-train`: its material, its loop, the file that it leaves."""

import csv
import io
import json
import tarfile
from dataclasses import replace
from urllib.error import URLError

import cv2
import numpy as np
import pytest
import torch
import torchvision
from safetensors import safe_open
from safetensors.torch import load_file

from mvot_pipelines.training.backbone import crops, distilling
from mvot_pipelines.training.backbone.crops import crops_of, drawn_at, tiles_of
from mvot_pipelines.training.backbone.learning import Distilling
from mvot_pipelines.training.backbone.material import read_material
from mvot_pipelines.training.backbone.settings import BackboneConfig
from mvot_pipelines.training.backbone.stage import train_backbone
from mvot_pipelines.training.cli import main
from mvot_pipelines.training.imagenet import initialise_backbone
from mvot_plugin.errors import InputError, UsageError
from mvot_plugin.models.efficientnet import EfficientNetLite
from mvot_plugin.models.siammotion import SiamMotionConfig, SiamMotionNet
from training_material import write_clip, write_stills

NARROW = SiamMotionConfig(width=32, backbone_width=16)
CONFIG = BackboneConfig(
    width=16, steps=4, batch=2, sizes=(64,), rise=2, validate_every=2, judged=4, photos_apart=2
)
COLOURS = {"n01": (20, 20, 220), "n02": (220, 20, 20)}
CPU = torch.device("cpu")


def write_tiles(path):
    """Tiny ImageNet of two kinds, one red and one blue: three to learn and two to judge each."""
    photos, said = {}, ""
    for kind, colour in COLOURS.items():
        code = cv2.imencode(".jpg", np.full((64, 64, 3), colour, np.uint8))[1].tobytes()
        photos |= {f"train/{kind}/images/{kind}_{n}.JPEG": code for n in range(3)}
        photos |= {f"val/images/val_{kind}_{n}.JPEG": code for n in range(2)}
        said += "".join(f"val_{kind}_{n}.JPEG\t{kind}\t0\t0\t63\t63\n" for n in range(2))
    with tarfile.open(path, "w:gz") as tar:
        for name, code in {**photos, "val/val_annotations.txt": said.encode()}.items():
            entry = tarfile.TarInfo(f"tiny-imagenet-200/{name}")
            entry.size = len(code)
            tar.addfile(entry, io.BytesIO(code))


@pytest.fixture(scope="module")
def roots(tmp_path_factory):
    root = tmp_path_factory.mktemp("material")
    write_clip(root / "clips" / "learnt", masked=False)
    write_clip(root / "clips" / "kept", masked=False)
    write_stills(root / "stills" / "discs")
    write_tiles(root / "stills" / "tiny.tar.gz")
    return [root / "clips", root / "stills"]


@pytest.fixture(scope="module")
def material(roots):
    return read_material(roots, held_out=["kept"], photos_apart=2)


@pytest.fixture(autouse=True)
def teacher(monkeypatch):
    """One that has learnt nothing, so that its package is not needed."""

    def untrained(name):
        torch.manual_seed(11)
        return EfficientNetLite(name)

    monkeypatch.setattr(distilling, "pretrained", untrained)


def test_what_is_held_out_is_not_learnt(material, roots):
    learnt, kept = material
    assert learnt.counts == {"photos": 1, "frames": 12, "tiles": 6}
    assert kept.counts == {"photos": 1, "frames": 12, "tiles": 4}
    assert not np.array_equal(learnt.clips[0][0], kept.clips[0][0])
    assert not np.array_equal(learnt.photos[0], kept.photos[0])
    learnt, kept = read_material(roots, held_out=["discs", "kept"], photos_apart=2)
    assert learnt.counts["photos"] == kept.counts["photos"] == 0
    with pytest.raises(InputError, match="no photos and no sequences to learn"):
        read_material(roots[:1], held_out=["kept", "learnt"], photos_apart=2)


def test_an_archive_that_is_none_is_named(tmp_path):
    (tmp_path / "tiny.tar.gz").write_bytes(b"nonsense")
    with pytest.raises(InputError, match=r"tiny\.tar\.gz is no archive of Tiny ImageNet"):
        read_material([tmp_path], held_out=[], photos_apart=2)


def test_tiles_lie_where_their_labels_say(material, monkeypatch):
    monkeypatch.setattr(crops, "photographed", lambda rng, image, blur: image)
    for size, cells in ((96, 1), (160, 2), (256, 2)):
        config = replace(CONFIG, sizes=(size,), batch=12, tiles=0.5)
        batch = drawn_at(material[0], list(COLOURS), config, 5)
        assert batch.images.shape[1:] == (size, size, 3)
        assert batch.labels.shape == (len(batch.images), cells, cells)
        tiled = batch.labels[:, 0, 0] >= 0
        assert tiled.sum() == round(len(tiled) / 2)
        assert (batch.labels[~tiled] == -1).all()
        part = size // cells
        for n, y, x in np.argwhere(batch.labels >= 0):
            seen = batch.images[n, y * part : (y + 1) * part, x * part : (x + 1) * part]
            wanted = list(COLOURS.values())[batch.labels[n, y, x]]
            assert seen.reshape(-1, 3).mean(0) == pytest.approx(wanted, abs=3)


def test_a_step_draws_the_same_batch_again(material):
    drawn = [drawn_at(material[0], list(COLOURS), CONFIG, step).images for step in (3, 3, 4)]
    assert np.array_equal(drawn[0], drawn[1])
    assert not np.array_equal(drawn[0], drawn[2])
    judged = crops_of(material[1], CONFIG, 5), crops_of(material[1], CONFIG, 5)
    assert np.array_equal(judged[0].images, judged[1].images)
    tiles = tiles_of(material[1], ["n02"], 100)
    assert sorted(tiles.labels.ravel()) == [-1, -1, 0, 0]


def test_a_batch_is_learnt(material):
    training = Distilling(replace(CONFIG, steps=60), list(COLOURS), CPU)
    batch = drawn_at(material[0], list(COLOURS), training.config, 0)
    losses = [training.learn(batch) for _ in range(12)]
    for name in ("stride 4", "stride 8", "stride 16", "label"):
        assert losses[-1][name] < 0.7 * losses[0][name]
    parts = [losses[0][f"stride {stride}"] for stride in (4, 8, 16)]
    assert losses[0]["loss"] == pytest.approx(sum(parts) + CONFIG.labels * losses[0]["label"])


def test_judging_is_of_the_moving_average(material):
    training = Distilling(CONFIG, list(COLOURS), CPU)
    average = training.average
    average.classifier.weight.zero_()
    average.classifier.bias.copy_(torch.tensor([3.0, 0.0]))
    for adapter in average.after:
        adapter.weight.zero_()
        adapter.bias.zero_()
    figures = training.judge(replace(material[1], photos=()))
    sure, other = np.log1p(np.exp(-3)), np.log1p(np.exp(3))
    assert figures["label"] == pytest.approx((sure + other) / 2, rel=1e-3)
    assert figures["top1"] == 0.5
    seen = training._pixels(crops_of(replace(material[1], photos=()), CONFIG, CONFIG.judged).images)
    for stride, theirs in zip((4, 8, 16), training.teacher(seen), strict=True):
        far = theirs.float().abs()  # of norms that have seen nothing: mean 0, variance 1
        expected = torch.where(far < 1, far**2 / 2, far - 0.5).mean() + 1  # none points anywhere
        assert figures[f"stride {stride}"] == pytest.approx(float(expected), rel=1e-3)
    parts = [figures[f"stride {stride}"] for stride in (4, 8, 16)]
    assert figures["loss"] == pytest.approx(sum(parts) + CONFIG.labels * figures["label"])


def test_a_training_that_goes_on_ends_as_one_that_was_not_broken(roots, tmp_path):
    config = replace(CONFIG, held_out=("kept",))
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    path = train_backbone(config, roots, whole, device="cpu")
    train_backbone(config, roots, broken, device="cpu", hours=1e-9)
    assert torch.load(broken / "last.pt", weights_only=True)["step"] == 1
    train_backbone(config, roots, broken, device="cpu")
    kept, again = load_file(path), load_file(broken / path.name)
    assert kept.keys() == again.keys()
    assert all(torch.equal(value, again[name]) for name, value in kept.items())
    states = [torch.load(f / "last.pt", weights_only=True) for f in (whole, broken)]
    assert states[0]["step"] == states[1]["step"] == 4
    for part in ("network", "average"):
        for name, value in states[0][part].items():
            assert torch.equal(value, states[1][part][name]), name
    rows = [(f / "validation.csv").read_text() for f in (whole, broken)]
    assert rows[0] == rows[1]
    found = [float(row["loss"]) for row in csv.DictReader(rows[0].splitlines())]
    assert states[0]["best"] == pytest.approx(min(found), abs=1e-5)
    with pytest.raises(InputError, match="another network, teacher or other classes"):
        train_backbone(replace(config, width=32), roots, whole, device="cpu")


def test_the_command_leaves_a_backbone_to_start_from(roots, tmp_path, capsys):
    settings = tmp_path / "settings.yaml"
    settings.write_text(
        "{width: 16, steps: 2, batch: 2, sizes: [64], rise: 1, photos_apart: 2,"
        " judged: 4, held_out: [kept], ema: 0.0}"
    )
    data = [str(root) for root in roots]
    out = tmp_path / "out"
    command = ["backbone", "--data", *data, "--config", str(settings), "--output", str(out)]
    assert main([*command, "--device", "cpu"]) == 0
    path = out / "backbone.safetensors"
    assert capsys.readouterr().out == f"saved {path}\n"
    network = SiamMotionNet(NARROW)
    initialise_backbone(network, path)
    kept = torch.load(out / "last.pt", weights_only=True)["average"]
    for name, value in network.backbone.state_dict().items():
        same = kept[f"backbone.{name}"]
        assert torch.equal(value, same.half().float() if same.is_floating_point() else same), name
    with safe_open(path, "pt") as file:
        said = json.loads(file.metadata()["record"])
    assert said["command"] == "mvot-train backbone --data clips stills"
    assert said["data"]["learnt"] == {"photos": 1, "frames": 12, "tiles": 6}
    assert (said["steps"], said["licence"]) == (2, "Apache-2.0")
    assert set(said["validation"]) >= {"loss", "stride 16", "top1"}
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
        ({"sizes": (100,)}, "multiples of 32"),
        ({"steps": 0}, "'steps' must be 1 or more"),
        ({"tiles": 1.5}, "are shares"),
        ({"photos_apart": 1}, "'photos_apart' must be 2 or more"),
        ({"teacher": "lite00"}, "teacher 'lite00'"),
    ],
)
def test_settings_that_cannot_be_are_refused(setting, complaint):
    with pytest.raises(UsageError, match=complaint):
        BackboneConfig(**setting)


def test_a_backbone_starts_from_torchvision(monkeypatch):
    torch.manual_seed(5)
    theirs = torchvision.models.resnet18().state_dict()
    enum = type(torchvision.models.ResNet18_Weights.IMAGENET1K_V1)
    monkeypatch.setattr(enum, "get_state_dict", lambda self, **options: theirs)
    network = SiamMotionNet(replace(NARROW, backbone_width=64))
    initialise_backbone(network, "torchvision")
    weight = network.backbone.layer3[1].conv2.weight
    assert torch.equal(weight, theirs["layer3.1.conv2.weight"])
    with pytest.raises(UsageError, match="--backbone torchvision has a resnet18, no lite0"):
        initialise_backbone(SiamMotionNet(replace(NARROW, backbone="lite0")), "torchvision")


def test_without_a_network_torchvision_is_one_sentence(roots, tmp_path, monkeypatch, capsys):
    def offline(self, **options):
        raise URLError("Name or service not known")

    enum = type(torchvision.models.ResNet18_Weights.IMAGENET1K_V1)
    monkeypatch.setattr(enum, "get_state_dict", offline)
    command = ["siammotion", "--preset", "siammotion", "--data", *map(str, roots)]
    assert main([*command, "--output", str(tmp_path), "--backbone", "torchvision"]) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "resnet18-f37072fd.pth cannot be fetched" in said
    assert "give --backbone FILE" in said

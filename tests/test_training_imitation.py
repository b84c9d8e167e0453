"""The stage `backbone` of `mvot-train` with a tracker for a teacher."""

from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file

from mvot_pipelines.training.backbone.crops import drawn_at
from mvot_pipelines.training.backbone.imitating import Tracker
from mvot_pipelines.training.backbone.learning import Distilling
from mvot_pipelines.training.backbone.material import read_material
from mvot_pipelines.training.backbone.settings import BackboneConfig
from mvot_pipelines.training.backbone.stage import train_backbone
from mvot_plugin.engines import load_engine
from mvot_plugin.errors import InputError
from mvot_plugin.models.resnet import ResNet18
from mvot_plugin.models.siammotion import SiamMotionConfig, SiamMotionNet
from mvot_plugin.weights import save_weights
from training_material import write_roots

CONFIG = BackboneConfig(
    width=16, batch=2, sizes=(64,), rise=2, validate_every=2, judged=4, photos_apart=2, tiles=0.0
)
CPU = torch.device("cpu")


def a_tracker(path, **changed):
    """Weights of a narrow tracker that has learnt nothing; its config, and its tensors."""
    torch.manual_seed(3)
    config = SiamMotionConfig(**{"backbone": "lite0", "width": 16, "tower": 1, **changed})
    save_weights(path, SiamMotionNet(config), "siammotion", config, {})
    return config, load_file(path)


def test_a_pupil_sees_a_trackers_pyramid(tmp_path):
    path = tmp_path / "tracker.safetensors"
    config, tensors = a_tracker(path)
    teacher = Tracker(path, CPU)
    network = SiamMotionNet(config).eval()
    network.load_state_dict(tensors)
    pixels = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        features = network.features(pixels)
        whole = network.neck([*features])
        finest = network.neck.merge([f.permute(0, 2, 3, 1) for f in features], 0)[0]
        own = teacher.pupil(16, 0)
        own.backbone, own.after.neck = network.backbone, network.neck
        seen = own(pixels)[0]
    for ours, theirs in zip(seen, [finest[:, ::2, ::2], *whole[1:]], strict=True):
        torch.testing.assert_close(ours.permute(0, 2, 3, 1), theirs)
    for ours, theirs in zip(seen, teacher(pixels), strict=True):
        assert float((ours - theirs.float()).norm() / ours.norm()) < 0.05  # half precision


def test_a_pupil_that_is_its_teacher_is_no_way_off(tmp_path):
    path = tmp_path / "tracker.safetensors"
    config, tensors = a_tracker(path, backbone="resnet18", backbone_width=16)
    network = SiamMotionNet(config).eval()
    network.load_state_dict(tensors)
    teacher = Tracker(path, CPU)
    pupil = teacher.pupil(16, 0)
    pixels = torch.randn(2, 3, 64, 64)
    for _ in range(60):
        pupil.distances(teacher(pixels), teacher(pixels))
    pupil.eval()
    apart = pupil.distances(pupil(pixels)[0], teacher(pixels))
    pupil.backbone, pupil.after.neck = network.backbone, network.neck
    near = pupil.distances(pupil(pixels)[0], teacher(pixels))
    for stride, distance in near.items():
        assert distance.item() < 0.02 < 0.3 < apart[stride].item()


def test_a_trackers_imitation_is_a_whole_network(tmp_path):
    path, backbone = tmp_path / "tracker.safetensors", tmp_path / "backbone.pth"
    tensors = a_tracker(path)[1]
    first = ResNet18(16).state_dict()
    torch.save(first, backbone)
    roots = write_roots(tmp_path)
    config = replace(CONFIG, teacher=str(path), steps=60)
    material = read_material(roots, held_out=[], photos_apart=2)[0]
    training = Distilling(config, [], CPU, backbone)
    weight = training.network.backbone.layer1[0].conv1.weight.detach()
    assert torch.equal(weight, first["layer1.0.conv1.weight"])
    batch = drawn_at(material, [], config, 0)
    losses = [training.learn(batch) for _ in range(12)]
    for stride in (2, 4, 8, 16):
        assert losses[-1][f"stride {stride}"] < 0.8 * losses[0][f"stride {stride}"]
    out = tmp_path / "out"
    left = train_backbone(replace(config, steps=2), roots, out, device="cpu", backbone=backbone)
    assert left == out / "siammotion.safetensors"
    assert load_engine("siammotion", weights=str(left)).trained
    saved = load_file(left)
    assert saved["backbone.conv1.weight"].shape == (16, 3, 7, 7)
    untouched = [name for name in saved if not name.startswith(("backbone.", "neck."))]
    assert len(untouched) > 40
    assert all(torch.equal(saved[name], tensors[name]) for name in untouched)
    average = torch.load(out / "last.pt", weights_only=True)["average"]
    lateral = average["after.neck.lateral.2.weight"]
    assert torch.equal(saved["neck.lateral.2.weight"], lateral.half())
    a_tracker(path, pyramid=False)
    with pytest.raises(InputError, match="has no pyramid to imitate"):
        Tracker(path, CPU)

"""The stage `backbone` of `mvot-train` with a tracker as the teacher."""

from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file

from helpers.training.data import write_training_data
from mvot_plugin.engines import load_engine
from mvot_plugin.errors import InputError
from mvot_plugin.models.backbones.resnet import ResNet18
from mvot_plugin.models.siammotion import SiamMotionNet
from mvot_plugin.models.siammotion_config import SiamMotionConfig
from mvot_plugin.weights import save_weights
from mvot_training.backbone.config import BackboneTrainingConfig
from mvot_training.backbone.crops import sample_step
from mvot_training.backbone.entry import train_backbone
from mvot_training.backbone.images import read_distillation_images
from mvot_training.backbone.tracker_teacher import TrackerTeacher
from mvot_training.backbone.trainer import BackboneTrainer

CONFIG = BackboneTrainingConfig(
    width=16,
    batch=2,
    crop_sizes=(64,),
    warmup_steps=2,
    validate_every=2,
    validation_crops=4,
    hold_out_every=2,
    tile_share=0.0,
)
CPU = torch.device("cpu")


def save_tracker(path, **changed):
    """Save the weights of a narrow, untrained tracker; its config, and its tensors."""
    torch.manual_seed(3)
    config = SiamMotionConfig(**{"backbone": "lite0", "width": 16, "tower": 1, **changed})
    save_weights(path, SiamMotionNet(config), "siammotion", config, {})
    return config, load_file(path)


def test_a_student_learns_a_trackers_pyramid(tmp_path):
    path = tmp_path / "tracker.safetensors"
    config, tensors = save_tracker(path)
    teacher = TrackerTeacher(path, CPU)
    network = SiamMotionNet(config).eval()
    network.load_state_dict(tensors)
    pixels = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        features = network.features(pixels)
        merged = network.neck([*features])
        finest = network.neck.merge([f.permute(0, 2, 3, 1) for f in features], 0)[0]
        student = teacher.create_student(16, 0)
        student.backbone, student.projection.neck = network.backbone, network.neck
        student_maps = student(pixels)[0]
    for ours, theirs in zip(student_maps, [finest[:, ::2, ::2], *merged[1:]], strict=True):
        torch.testing.assert_close(ours.permute(0, 2, 3, 1), theirs)
    for ours, theirs in zip(student_maps, teacher(pixels), strict=True):
        assert float((ours - theirs.float()).norm() / ours.norm()) < 0.05  # half precision


def test_a_student_equal_to_its_teacher_has_no_loss(tmp_path):
    path = tmp_path / "tracker.safetensors"
    config, tensors = save_tracker(path, backbone="resnet18", backbone_width=16)
    network = SiamMotionNet(config).eval()
    network.load_state_dict(tensors)
    teacher = TrackerTeacher(path, CPU)
    student = teacher.create_student(16, 0)
    pixels = torch.randn(2, 3, 64, 64)
    for _ in range(60):
        student.distillation_losses(teacher(pixels), teacher(pixels))
    student.eval()
    apart = student.distillation_losses(student(pixels)[0], teacher(pixels))
    student.backbone, student.projection.neck = network.backbone, network.neck
    near = student.distillation_losses(student(pixels)[0], teacher(pixels))
    for stride, loss in near.items():
        assert loss.item() < 0.02 < 0.3 < apart[stride].item()


def test_a_trackers_student_is_saved_as_a_whole_network(tmp_path):
    path, backbone = tmp_path / "tracker.safetensors", tmp_path / "backbone.pth"
    tensors = save_tracker(path)[1]
    first = ResNet18(16).state_dict()
    torch.save(first, backbone)
    roots = write_training_data(tmp_path)
    config = replace(CONFIG, teacher=str(path), steps=60)
    images = read_distillation_images(roots, held_out=[], hold_out_every=2)[0]
    trainer = BackboneTrainer(config, [], CPU, backbone=backbone)
    weight = trainer.network.backbone.layer1[0].conv1.weight.detach()
    assert torch.equal(weight, first["layer1.0.conv1.weight"])
    batch = sample_step(images, [], config, 0)
    losses = [trainer.train_step(batch) for _ in range(12)]
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
    lateral = average["projection.neck.lateral.2.weight"]
    assert torch.equal(saved["neck.lateral.2.weight"], lateral.half())
    save_tracker(path, pyramid=False)
    with pytest.raises(InputError, match="has no pyramid to distil"):
        TrackerTeacher(path, CPU)

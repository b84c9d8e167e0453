"""The feature distillation of SiamFC."""

from dataclasses import replace

import torch
from torch.testing import assert_close

from helpers.training.siamfc import FC, create_trainer
from mvot_plugin.models.backbones.efficientnet import EfficientNetLite
from mvot_plugin.models.backbones.receptive_field import ReceptiveField
from mvot_training.siamfc import trainer as trainer_module
from mvot_training.siamfc.distillation import FeatureDistillation, sample_teacher_maps
from mvot_training.siamfc.trainer import sample_step


def test_the_distillation_loss_falls(training_data, monkeypatch):
    monkeypatch.setattr(trainer_module, "EfficientNetTeacher", StandInTeacher)
    trainer = create_trainer(replace(FC, teacher="lite0", steps=60, batch=2, warmup_steps=1))
    batch = sample_step(training_data, trainer.config, 0)
    losses = [trainer.train_step(batch)["distillation"] for _ in range(12)]
    assert losses[-1] < 0.9 * losses[0]


class StandInTeacher:
    """An untrained EfficientNet-Lite0."""

    def __init__(self, name, device):
        torch.manual_seed(0)
        self.network = EfficientNetLite(name).eval().requires_grad_(False)
        self.channels = self.network.channels[1:]

    def __call__(self, pixels):
        return self.network(pixels)[1:]


def test_teacher_maps_are_sampled_at_the_cells_positions():
    """Of maps whose values are the pixels that their cells lie at."""
    field = ReceptiveField(size=87, stride=8)
    line = {stride: 0.5 + stride * torch.arange(256 // stride) for stride in (8, 16)}
    maps = [at.expand(2, 1, len(at), len(at)) for at in line.values()]
    for sampled in sample_teacher_maps(maps, field, 22):
        assert sampled.shape == (2, 22, 22, 1)
        expected = field.size / 2 + field.stride * torch.arange(22.0)
        assert_close(sampled[0, 3, :, 0], expected, atol=1e-3, rtol=0)


def test_exact_features_have_no_distillation_loss():
    wanted = torch.randn(2, 3, 3, 4, generator=torch.Generator().manual_seed(0))
    distillation = FeatureDistillation(4, [4]).train()
    with torch.no_grad():
        distillation.adapters[0].weight.copy_(torch.eye(4))
        distillation.adapters[0].bias.zero_()
    flat = wanted.flatten(0, 2)
    exact = (wanted - flat.mean(0)) / flat.var(0, correction=0).add(1e-5).sqrt()
    assert distillation(exact, [wanted]).abs() < 1e-4
    assert distillation(-exact, [wanted]) > 2

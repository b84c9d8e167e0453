"""Narrow networks, ground truth and short trainings for the tests of the stage `siamese`."""

from importlib import import_module

import torch

from mvot_plugin.engines.table import ENGINES
from mvot_training.siamese.config import SYSTEMS, SiameseTrainingConfig
from mvot_training.siamese.entry import build_systems
from mvot_training.siamese.trainer import SiameseTrainer
from mvot_training.siamese.truth import Truth

CPU = torch.device("cpu")
NARROW = {
    "siammot-emm": {"width": 16},
    "siammot-imm": {"width": 16, "hidden": 16},
    "imsiam": {"width": 16, "depth": 1},
    "siamattn": {"width": 16, "hidden": 16, "mask_width": 16, "early_width": 4},
}
"""Few channels; with 8, oneDNN crashes in bfloat16."""
SHORT = {
    "steps": 6,
    "batch": 4,
    "warmup_steps": 1,
    "zooms": (0.25,),
    "synthetic_scenes": 0,
    "held_out": (),
}
CONFIG = SiameseTrainingConfig(networks=NARROW, **SHORT)
"""All four networks, which see little images."""


def build_network(name, config=CONFIG, seed=0):
    """The network of an engine as a training begins with it, but with a random backbone."""
    torch.manual_seed(seed)
    entry = ENGINES[name].network
    return getattr(import_module(entry.module), entry.name)(config.architecture(name))


def build_networks():
    """The networks of all engines of the stage, by name."""
    return {name: build_network(name) for name in SYSTEMS}


def create_trainer(config=CONFIG, **arguments):
    """A trainer of the networks of a config, on the packaged backbone where that fits."""
    return SiameseTrainer(build_systems(config, None), config, CPU, **arguments)


def make_truth(boxes, side, *, present=True, masks=None):
    """The ground truth of boxes in search areas of ``side`` pixels, in the middle of the images."""
    boxes = torch.as_tensor(boxes, dtype=torch.float32)
    count = len(boxes)
    known = torch.full((count,), masks is not None)
    return Truth(
        boxes=boxes,
        present=torch.as_tensor(present).expand(count).clone(),
        areas=torch.tensor([[0.0, 0.0, side, side]]).expand(count, -1).clone(),
        side=side,
        masked=known,
        masks=None if masks is None else torch.as_tensor(masks, dtype=torch.float32),
    )


def random_truth(side, seed=0, count=6):
    """Boxes of many sizes at random, of pairs of which the second and every other is negative."""
    generator = torch.Generator().manual_seed(seed)
    centres = (torch.rand(count, 2, generator=generator) - 0.5) * side / 2
    sizes = 8 + torch.rand(count, 2, generator=generator) * side / 2
    present = torch.arange(count) % 2 == 0
    return make_truth(torch.cat([centres, sizes], dim=1), side, present=present)


def edges_of(box):
    """Left, top, right and bottom of (cx, cy, w, h)."""
    x, y, w, h = (float(part) for part in box)
    return x - w / 2, y - h / 2, x + w / 2, y + h / 2


def overlap(one, other):
    """The IoU of two boxes (left, top, right, bottom)."""
    across = max(min(one[2], other[2]) - max(one[0], other[0]), 0)
    down = max(min(one[3], other[3]) - max(one[1], other[1]), 0)
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return across * down / (sum(areas) - across * down)


def values_of(losses):
    """The losses as numbers, by name."""
    return {name: float(loss.detach()) for name, loss in losses.items()}

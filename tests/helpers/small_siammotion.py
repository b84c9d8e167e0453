"""A small SiamMOTION network of random weights, random images, and the steps of its engine."""

from contextlib import contextmanager

import numpy as np
import torch
from torch import nn

from mvot_plugin.models.siammotion import SiamMotionNet
from mvot_plugin.models.siammotion_config import SiamMotionConfig

SIZE = 208, 144
BOXES = np.array(
    [
        [100, 60, 116, 90],
        [20, 20, 80, 70],
        [-10, 100, 15, 150],
        [60, 10, 180, 120],
        [-40, -30, 250, 170],
        [190, 130, 230, 160],
    ],
    np.float32,
)
PREDICTED = BOXES + np.float32([3, -2, 5, 1])


@contextmanager
def run_on_one_thread():
    """Limit torch to one thread: faster for maps this small, above all on a busy CPU."""
    count = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(count)


def random_image(seed, width=SIZE[0], height=SIZE[1]):
    return torch.randn(1, 3, height, width, generator=torch.Generator().manual_seed(seed))


def crop_areas(network, image, areas, levels, bins):
    """Crop the features of areas of an image."""
    areas = np.asarray(areas, np.float32)
    cells = network.feature_table(network.features(image), areas, levels, bins)
    return network.crop(cells, areas, levels, bins)


def enroll_boxes(network, image, boxes):
    """The exemplars of boxes on an image."""
    levels = network.levels(network.search_areas(boxes))
    kept = network.config.exemplar_kept
    return network.enroll(crop_areas(network, image, network.exemplar_areas(boxes), levels, kept))


def crop_search_areas(network, image, boxes):
    """Crop the search areas of boxes at all the config's scales, scale by scale for each box."""
    areas = network.search_areas(boxes)
    middle, half = (areas[:, :2] + areas[:, 2:]) / 2, (areas[:, 2:] - areas[:, :2]) / 2
    scales = np.float32(network.config.search_scales)[:, None]
    low, high = (middle[:, None] + sign * half[:, None] * scales for sign in (-1, 1))
    levels = network.levels(areas).repeat(len(scales))
    scaled = np.concatenate([low, high], axis=2).reshape(-1, 4)
    return crop_areas(network, image, scaled, levels, network.config.search_bins)


def canonical_sizes(network, boxes):
    """The sizes of boxes in pixels of their canonical search areas."""
    areas = network.search_areas(boxes)
    unit = (areas[:, 2:3] - areas[:, :1]) / network.config.canonical_side
    return torch.from_numpy((boxes[:, 2:] - boxes[:, :2]) / unit)


def propose(network, first=0, then=1):
    """The proposals for ``BOXES`` enrolled on one image, searched at ``PREDICTED`` on another."""
    exemplars = enroll_boxes(network, random_image(first), BOXES)
    crops = crop_search_areas(network, random_image(then), PREDICTED)
    return network.compare(exemplars, crops, canonical_sizes(network, BOXES))


def random_network(seed=0, **changes):
    """A small network in which every weight and every batch norm statistic has an effect."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = SiamMotionNet(
            SiamMotionConfig(**{"width": 16, "backbone_width": 8, **changes})
        ).eval()
        for part in network.modules():
            if isinstance(part, nn.BatchNorm2d):
                randomise_batch_norm(part)
        if network.attention is not None:
            for branch in (network.attention.exemplar, network.attention.search):
                branch.weights.data.uniform_(0.5, 1.5)
        if network.inertia is not None:
            network.inertia.layers[-1].weight.data.normal_(0, 0.1)
            network.inertia.layers[-1].bias.data.normal_(0, 0.1)
        return network.requires_grad_(False)


def randomise_batch_norm(norm):
    """Give a batch norm random statistics, scale and offset."""
    norm.weight.data.uniform_(0.5, 1.5)
    norm.bias.data.normal_(0, 0.3)
    norm.running_mean.normal_(0, 0.3)
    norm.running_var.uniform_(0.5, 1.5)

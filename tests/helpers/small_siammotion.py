"""A small SiamMOTION network of random weights, random images, and the steps of its engine."""

from contextlib import contextmanager
from dataclasses import replace

import cv2
import numpy as np
import torch
from torch import nn

from mvot_plugin.engines.extraction import Extraction, choose_octaves, octave_factors
from mvot_plugin.models.siammotion import SiamMotionNet
from mvot_plugin.models.siammotion_config import SiamMotionConfig
from mvot_plugin.models.siammotion_functions import SiamMotionFunctions
from mvot_plugin.runtimes.torch_network import TorchNetwork
from mvot_plugin.types import Frame

SIZE = 208, 144
WHOLE = 10**5
"""A receptive field for which the part of a frame that areas need is the whole frame."""
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
    """A BGR image of noise, coarse and fine, so that it has contrast at every scale."""
    rng = np.random.default_rng(seed)
    image = np.zeros((height, width, 3))
    for cell in (1, 8, 40):
        grid = rng.uniform(0, 255, (height // cell + 1, width // cell + 1, 3))
        image += cv2.resize(grid, (width, height), interpolation=cv2.INTER_LINEAR) / 3
    return image.astype(np.uint8)


def crop_areas(network, image, areas, octaves, bins):
    """The features of areas of an image at scales; each map is of the whole image at its scale."""
    geometry = replace(network.config.geometry, field=WHOLE)
    functions = TorchNetwork(SiamMotionFunctions(network))
    frame, squares = Frame(image=image, index=0, timestamp=0.0), np.asarray(areas, np.float32)
    factors = octave_factors(np.asarray(octaves))
    return Extraction(way="parts").extract(functions, geometry, frame, squares, factors, bins)


def nearest_octaves(network, boxes):
    """The scales that boxes are searched on."""
    areas = network.config.search_areas(boxes)
    return choose_octaves(areas[:, 2] - areas[:, 0], float(network.config.tracking_side))


def enroll_boxes(network, image, boxes):
    """The exemplars of boxes on an image."""
    return network.enroll(crop_exemplar_areas(network, image, boxes))


def crop_exemplar_areas(network, image, boxes):
    """The features of exemplars: the middles of their search areas."""
    areas, octaves = network.config.search_areas(boxes), nearest_octaves(network, boxes)
    crops = crop_areas(network, image, areas, octaves, network.config.search_bins)
    kept = network.config.exemplar_kept
    border = (network.config.search_bins - kept) // 2
    return crops[:, border : border + kept, border : border + kept]


def crop_search_areas(network, image, boxes):
    """Crop the search areas of boxes at all the config's scales, scale by scale for each box."""
    areas = network.config.search_areas(boxes)
    middle, half = (areas[:, :2] + areas[:, 2:]) / 2, (areas[:, 2:] - areas[:, :2]) / 2
    scales = np.float32(network.config.search_scales)[:, None]
    low, high = (middle[:, None] + sign * half[:, None] * scales for sign in (-1, 1))
    octaves = nearest_octaves(network, boxes).repeat(len(scales))
    scaled = np.concatenate([low, high], axis=2).reshape(-1, 4)
    return crop_areas(network, image, scaled, octaves, network.config.search_bins)


def canonical_sizes(network, boxes):
    """The sizes of boxes in pixels of their canonical search areas."""
    areas = network.config.search_areas(boxes)
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

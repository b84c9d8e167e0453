"""A small `LightNet` of random weights, in which every part has an effect on the answers."""

import torch
from torch import nn

from helpers.small_siammotion import randomise_batch_norm
from mvot_plugin.models.light.config import LightConfig
from mvot_plugin.models.light.network import LightNet

SMALL = {"width": 16, "head_width": 16}
"""Few channels."""
HALF_SIDE = 3.4
"""The logarithm of half the side of a typical target, in canonical pixels."""

CALM = 0.3
"""What the last weights are multiplied by, so that a rounding error does not grow to another box
within a few frames."""


def build_lively_network(config):
    """A network of random weights whose answers depend on the images.

    As a network is made, its layers make their inputs smaller, so that after many of them all
    images look alike. Here batch norms have the statistics of random images.
    """
    network = LightNet(config)
    norms = [part for part in network.modules() if isinstance(part, nn.BatchNorm2d)]
    for norm in norms:
        randomise_batch_norm(norm)
        norm.momentum = 1.0
    with torch.no_grad():
        images = nn.functional.interpolate(torch.randn(2, 3, 32, 32), size=(128, 128))
        crops = network.features(images + torch.randn_like(images) / 2)
        bins, kept = config.search_bins, config.exemplar_kept
        network.answer(network.enroll(crops[:, :kept, :kept]), crops[:, :bins, :bins])
        network.head.regress[-1].weight.mul_(CALM)
        network.head.regress[-1].bias.fill_(HALF_SIDE)
        network.head.classify[-1].weight.mul_(CALM)
        for likely in (network.head.classify[-1], network.head.see[-1]):
            likely.bias.fill_(1.0)
    for norm in norms:
        norm.momentum = 0.1
    return network


def random_light_network(seed=0, **changes):
    """A small network for inference, always the same."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = build_lively_network(LightConfig(**{**SMALL, **changes})).eval()
        if network.attention is not None:
            for branch in (network.attention.exemplar, network.attention.search):
                branch.weights.data.uniform_(0.5, 1.5)
        if network.inertia is not None:
            network.inertia.layers[-1].weight.data.normal_(0, 0.1)
            network.inertia.layers[-1].bias.data.normal_(0, 0.1)
    return network.requires_grad_(False)

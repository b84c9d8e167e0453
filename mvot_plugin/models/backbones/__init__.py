"""Feature extractors by name; all have levels of strides 2, 4, 8 and 16."""

from mvot_plugin.errors import unknown_name
from mvot_plugin.models.backbones.efficientnet import STAGES, EfficientNetLite
from mvot_plugin.models.backbones.resnet import ResNet18

__all__ = ["STRIDES", "build_backbone"]

STRIDES = (2, 4, 8, 16)
"""Pixels between the cells of pyramid levels 1 to 4."""


def build_backbone(name: str, width: int) -> ResNet18 | EfficientNetLite:
    """Build a backbone; its ``channels`` are those of the four levels.

    Args:
        name: "resnet18", or an EfficientNet-Lite: "lite0", "lite1", "lite2".
        width: Channels of the stem of a "resnet18".

    Raises:
        UsageError: The name is unknown.
    """
    if name == "resnet18":
        return ResNet18(width)
    if name in STAGES:
        return EfficientNetLite(name)
    raise unknown_name("backbone", name, ["resnet18", *STAGES])

"""Feature extractors by name; all have levels of strides 2, 4, 8 and 16."""

from mvot_plugin.errors import unknown_name
from mvot_plugin.models.efficientnet import STAGES, EfficientNetLite
from mvot_plugin.models.resnet import ResNet18

__all__ = ["STRIDES", "build_backbone"]

STRIDES = (2, 4, 8, 16)
"""Pixels between the cells of pyramid levels 1 to 4."""


def build_backbone(name: str, width: int) -> ResNet18 | EfficientNetLite:
    """The backbone called ``name``: "resnet18" of this ``width``, or an EfficientNet-Lite.

    Its ``channels`` are those of the four levels. Raises ``UsageError`` for an unknown name.
    """
    if name == "resnet18":
        return ResNet18(width)
    if name in STAGES:
        return EfficientNetLite(name)
    raise unknown_name("backbone", name, ["resnet18", *STAGES])

"""Fold batch norm into the convolutions before it, for inference."""

from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

__all__ = ["fold_batch_norm"]


def fold_batch_norm(network: nn.Module) -> None:
    """Replace, in place, every convolution followed by a batch norm by one convolution.

    A norm follows the convolution that its module registered just before it. The network must be
    in evaluation mode.
    """
    for module in list(network.modules()):
        before: tuple[str, nn.Module] = ("", module)
        for name, child in list(module.named_children()):
            if isinstance(child, nn.BatchNorm2d) and isinstance(before[1], nn.Conv2d):
                setattr(module, before[0], fuse_conv_bn_eval(before[1], child))
                setattr(module, name, nn.Identity())
            before = (name, child)

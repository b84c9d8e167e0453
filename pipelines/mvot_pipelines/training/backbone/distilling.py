"""A pupil that is to see what a teacher sees (FitNets, Romero et al., 2015)."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from mvot_pipelines.training.imagenet import pretrained
from mvot_plugin.models.backbones import STRIDES
from mvot_plugin.models.folding import fold_batch_norm, fuse_activations
from mvot_plugin.models.resnet import ResNet18

__all__ = ["Pupil", "Teacher"]


class Teacher:
    """An EfficientNet-Lite with ImageNet's weights, folded, in half precision."""

    def __init__(self, name: str, device: torch.device) -> None:
        network = pretrained(name).eval().requires_grad_(False)
        self.channels = network.channels[1:]
        fold_batch_norm(network)
        if device.type == "cpu":
            fuse_activations(network)
        self.network = network.to(device=device, dtype=torch.bfloat16)
        self.network.to(memory_format=torch.channels_last)

    def __call__(self, pixels: Float[Tensor, "n 3 h w"]) -> list[Float[Tensor, "n _ _ _"]]:
        """Its maps of strides 4, 8 and 16."""
        with torch.no_grad():
            maps: list[Tensor] = self.network(pixels.to(torch.bfloat16))
        return maps[1:]


class Pupil(nn.Module):
    """A ResNet-18 with what compares it, and is thrown away after.

    A 1 x 1 convolution makes each of its maps the teacher's, whose channels are normalised to mean
    0 and variance 1; a linear layer tells its ``classes`` from means of stride 16.
    """

    def __init__(self, width: int, channels: Sequence[int], classes: int) -> None:
        super().__init__()
        self.backbone = ResNet18(width)
        pairs = list(zip(self.backbone.channels[1:], channels, strict=True))
        self.adapters = nn.ModuleList(nn.Conv2d(ours, theirs, 1) for ours, theirs in pairs)
        self.norms = nn.ModuleList(nn.BatchNorm2d(theirs, affine=False) for _, theirs in pairs)
        self.classifier = nn.Linear(self.backbone.channels[-1], classes) if classes else None

    def forward(
        self, pixels: Float[Tensor, "n 3 h w"]
    ) -> tuple[list[Float[Tensor, "n _ _ _"]], Float[Tensor, "n c h16 w16"]]:
        """What it takes for the teacher's maps of strides 4, 8 and 16; and its own of stride 16."""
        maps = self.backbone(pixels)
        adapted = [a(ours) for a, ours in zip(self.adapters, maps[1:], strict=True)]
        return adapted, maps[-1]

    def distances(
        self,
        adapted: Sequence[Float[Tensor, "n _ _ _"]],
        theirs: Sequence[Float[Tensor, "n _ _ _"]],
    ) -> dict[str, Float[Tensor, ""]]:
        """How far they are from the teacher's normalised maps, by stride.

        That is the smooth L1 distance and, at each place, 1 - the cosine of the channels: with
        both, either comes out smaller than when it is learnt alone.
        """
        found = {}
        for stride, ours, maps, norm in zip(STRIDES[1:], adapted, theirs, self.norms, strict=True):
            near, wanted = ours.float(), norm(maps.float())
            turned = 1 - F.cosine_similarity(near, wanted, dim=1).mean()
            found[f"stride {stride}"] = F.smooth_l1_loss(near, wanted) + turned
        return found

    def logits(
        self, deepest: Float[Tensor, "n c h16 w16"], cells: int
    ) -> Float[Tensor, "n classes cells cells"]:
        """The classes' logits on square cells of its map of stride 16."""
        assert self.classifier is not None
        means = F.adaptive_avg_pool2d(deepest.float(), cells).permute(0, 2, 3, 1)
        logits: Tensor = self.classifier(means)
        return logits.float().permute(0, 3, 1, 2)

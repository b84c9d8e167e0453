"""EfficientNet-Lite, up to stride 16: a backbone of depthwise convolutions, fast on CPUs."""

from collections.abc import Callable

from jaxtyping import Float
from torch import Tensor, nn

__all__ = ["EfficientNetLite", "InvertedResidual"]

STAGES = {
    "lite0": ((16, 24, 40, 80, 112), (1, 2, 2, 3, 3)),
    "lite1": ((16, 24, 40, 80, 112), (1, 3, 3, 4, 4)),
    "lite2": ((16, 24, 48, 88, 120), (1, 3, 3, 4, 4)),
}
"""Channels and blocks of the five stages (Google, tpu/efficientnet/lite)."""

KERNELS, STRIDES, STEM, EXPANSION = (3, 3, 5, 3, 5), (1, 2, 2, 2, 1), 32, 6
"""Kernels and strides of the stages, channels of the stem, expansion of blocks."""


class InvertedResidual(nn.Module):
    """Expand, filter each channel, project; with a shortcut where the shape stays."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, growth: int) -> None:
        super().__init__()
        inner = inputs * growth
        parts: list[nn.Module] = []
        if growth > 1:
            parts += [
                nn.Conv2d(inputs, inner, 1, bias=False),
                _batch_norm(inner),
                nn.ReLU6(inplace=True),
            ]
        parts += [
            nn.Conv2d(inner, inner, kernel, stride, kernel // 2, groups=inner, bias=False),
            _batch_norm(inner),
            nn.ReLU6(inplace=True),
            nn.Conv2d(inner, outputs, 1, bias=False),
            _batch_norm(outputs),
        ]
        self.layers = nn.Sequential(*parts)
        self.shortcut = stride == 1 and inputs == outputs

    def forward(self, x: Float[Tensor, "b ci h w"]) -> Float[Tensor, "b co h2 w2"]:
        """The block's output, added to its input where it has a shortcut."""
        out: Tensor = self.layers(x)
        return x + out if self.shortcut else out


class EfficientNetLite(nn.Module):
    """Stem and the five stages up to stride 16.

    Padding is the same on all sides. TensorFlow pads strided convolutions at the end only; that is
    the same network on an image shifted by some pixels, so its weights fit unchanged.
    """

    def __init__(self, variant: str = "lite0") -> None:
        super().__init__()
        channels, repeats = STAGES[variant]
        self.channels = (channels[0], channels[1], channels[2], channels[4])
        self.stem = nn.Sequential(
            nn.Conv2d(3, STEM, 3, 2, 1, bias=False), _batch_norm(STEM), nn.ReLU6(inplace=True)
        )
        self.stages = nn.ModuleList()
        inputs = STEM
        for stage, (outputs, blocks) in enumerate(zip(channels, repeats, strict=True)):
            layers = []
            for block in range(blocks):
                stride, growth = STRIDES[stage] if block == 0 else 1, EXPANSION if stage else 1
                layers.append(InvertedResidual(inputs, outputs, KERNELS[stage], stride, growth))
                inputs = outputs
            self.stages.append(nn.Sequential(*layers))

    @property
    def layers_by_level(self) -> list[list[nn.Module]]:
        """The layers that each level adds to those of the level before."""
        return [[self.stem, self.stages[0]], [self.stages[1]], [self.stages[2]], [*self.stages[3:]]]

    @property
    def levels(self) -> tuple[Callable[[Tensor], Tensor], ...]:
        """The computation of each level's features from those of the level before."""
        return self._first, self.stages[1], self.stages[2], self._last

    def forward(self, images: Float[Tensor, "b 3 h w"]) -> list[Float[Tensor, "b _ _ _"]]:
        """Features of strides 2, 4, 8 and 16."""
        maps = [images]
        for level in self.levels:
            maps.append(level(maps[-1]))
        return maps[1:]

    def _first(self, images: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b c h2 w2"]:
        features: Tensor = self.stages[0](self.stem(images))
        return features

    def _last(self, third: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c2 h2 w2"]:
        features: Tensor = self.stages[4](self.stages[3](third))
        return features


def _batch_norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01)

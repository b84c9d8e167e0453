"""What the engine `siammotion` runs of its network: pure functions of tensors."""

from typing import Any

from jaxtyping import Float, UInt8
from torch import Tensor, nn

from mvot_plugin.models.exemplars import Exemplars
from mvot_plugin.models.fpn import FeaturePyramid
from mvot_plugin.models.penalisation import select_boxes
from mvot_plugin.ops.tensors.boxes import TensorCXCYWH
from mvot_plugin.ops.tensors.normalization import normalize_images
from mvot_plugin.runtimes.signature import Signature

__all__ = ["SiamMotionFunctions"]


class SiamMotionFunctions(nn.Module):
    """The functions of a ``SiamMotionNet``, on the one pyramid level that tracking looks at.

    Half precision is that of the network: images come and boxes go in single precision.
    """

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network

    @property
    def config(self) -> Any:
        """The network's config."""
        return self.network.config

    def features(self, images: UInt8[Tensor, "b h w 3"]) -> Float[Tensor, "b hl wl c"]:
        """The features of BGR images whose sides are multiples of 16."""
        network, level = self.network, self.config.tracking_level
        weight = next(network.backbone.parameters())
        maps = network.features(normalize_images(images).to(weight.dtype))
        if isinstance(network.neck, FeaturePyramid):
            return network.neck.compute_level(maps, level - 1)
        projected: Tensor = network.neck(maps[level - 1].permute(0, 2, 3, 1))
        return projected

    def enroll(self, crops: Float[Tensor, "n b b c"]) -> tuple[Tensor, ...]:
        """What is cached of N exemplars; three tensors with attention, else one."""
        exemplars: Exemplars = self.network.enroll(crops)
        if exemplars.value is None:
            return (exemplars.own,)
        return exemplars.own, exemplars.value, exemplars.mask

    def compare(
        self,
        own: Float[Tensor, "n p c"],
        value: Float[Tensor, "n p c"] | None,
        mask: Float[Tensor, "n c c"] | None,
        crops: Float[Tensor, "m b b c"],
        last: Float[Tensor, "n 2"],
        distractors: Float[Tensor, "n k k"],
        settings: Float[Tensor, "5"],
    ) -> tuple[Float[TensorCXCYWH, " n"], Float[Tensor, " n"], Float[Tensor, " n"]]:
        """Find N targets in their search areas.

        Args:
            own: What is cached of the exemplars, as are ``value`` and ``mask``.
            value: None without attention.
            mask: None without attention.
            crops: The features of the search areas; those of a target at several scales follow
                one another.
            last: The last (w, h) in canonical pixels.
            distractors: The distractor masks R (Eq. 5).
            settings: Of ``select_boxes``.

        Returns:
            Boxes in canonical pixels, their scores in 0..1, and their shape penalties.
        """
        exemplars = Exemplars(own=own, value=value, mask=mask)
        proposals = self.network.compare(exemplars, crops, last)
        return select_boxes(proposals, last, distractors, settings)

    def predict(self, history: Float[TensorCXCYWH, "n known"]) -> Float[TensorCXCYWH, " n"]:
        """The next box of N targets, by the inertia module (3.2.2)."""
        assert self.network.inertia is not None
        weight = next(self.network.inertia.parameters())
        predicted: Tensor = self.network.inertia(history.to(weight))
        return predicted.to(history)

    def signatures(self) -> dict[str, Signature]:
        """The functions' arguments and results, for an export."""
        config = self.config
        width, kept, bins = config.width, config.exemplar_kept, config.search_bins
        scales, places, cells = len(config.search_scales), kept**2, config.score_cells
        own: dict[str, tuple[int | str, ...]] = {"own": ("count", places, width)}
        if config.attention:
            own |= {"value": ("count", places, width), "mask": ("count", width, width)}
        absent = {} if config.attention else {"value": None, "mask": None}
        crops = ("count" if scales == 1 else "crops", bins, bins, width)
        sizes = {"count": 2, "crops": 2 * scales, "height": 208, "width": 272}
        functions = {
            "features": Signature(
                inputs={"images": ("count", "height", "width", 3)},
                outputs={"features": ("count", "rows", "columns", width)},
                sizes=sizes,
            ),
            "enroll": Signature(
                inputs={"crops": ("count", kept, kept, width)}, outputs=own, sizes=sizes
            ),
            "compare": Signature(
                inputs={
                    **own,
                    **absent,
                    "crops": crops,
                    "last": ("count", 2),
                    "distractors": ("count", cells, cells),
                    "settings": (5,),
                },
                outputs={"boxes": ("count", 4), "scores": ("count",), "shapes": ("count",)},
                sizes=sizes,
            ),
        }
        if config.inertia:
            functions["predict"] = Signature(
                inputs={"history": ("count", config.known, 4)},
                outputs={"predicted": ("count", 4)},
                sizes=sizes,
            )
        return functions

"""What the engine `siammotion-n` runs of its network: pure functions of tensors."""

from jaxtyping import Float, UInt8
from torch import Tensor, nn

from mvot_plugin.models.exemplars import Exemplars
from mvot_plugin.models.light.config import LightConfig
from mvot_plugin.models.light.network import LightNet
from mvot_plugin.models.light.selection import select_cells
from mvot_plugin.ops.tensors.boxes import TensorCXCYWH
from mvot_plugin.ops.tensors.normalization import normalize_images
from mvot_plugin.runtimes.signature import Signature

__all__ = ["LightFunctions"]


class LightFunctions(nn.Module):
    """The functions of a ``LightNet``, which are those of ``SiamMotionFunctions``.

    Half precision is that of the network: images come and boxes go in single precision.
    """

    def __init__(self, network: LightNet) -> None:
        super().__init__()
        self.network = network

    @property
    def config(self) -> LightConfig:
        """The network's config."""
        return self.network.config

    def features(self, images: UInt8[Tensor, "b h w 3"]) -> Float[Tensor, "b h8 w8 c"]:
        """The features of BGR images whose sides are multiples of 16."""
        weight = next(self.network.backbone.parameters())
        return self.network.features(normalize_images(images).to(weight.dtype))

    def enroll(self, crops: Float[Tensor, "n b b c"]) -> tuple[Tensor, ...]:
        """What is cached of N exemplars; three tensors with attention, else one."""
        exemplars = self.network.enroll(crops)
        if exemplars.value is None:
            return (exemplars.own,)
        return exemplars.own, exemplars.value, exemplars.mask

    def compare(
        self,
        own: Float[Tensor, "n p c"],
        value: Float[Tensor, "n p c"] | None,
        mask: Float[Tensor, "n c c"] | None,
        crops: Float[Tensor, "n b b c"],
        last: Float[Tensor, "n 2"],
        distractors: Float[Tensor, "n k k"],
        settings: Float[Tensor, "5"],
    ) -> tuple[Float[TensorCXCYWH, " n"], Float[Tensor, " n"], Float[Tensor, " n"]]:
        """Find N targets in their search areas; see ``SiamMotionFunctions.compare``.

        A score is the probability at the best cell times that of the target's being in sight.
        """
        exemplars = Exemplars(own=own, value=value, mask=mask)
        answers = self.network.answer(exemplars, crops)
        edges = self.network.locate(answers, last)
        boxes, scores, shapes = select_cells(answers.logits, edges, last, distractors, settings)
        if self.config.visibility:
            scores = scores * answers.visibility.sigmoid()
        return boxes, scores, shapes

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
        own: dict[str, tuple[int | str, ...]] = {"own": ("count", kept**2, width)}
        if config.attention:
            own |= {"value": ("count", kept**2, width), "mask": ("count", width, width)}
        absent = {} if config.attention else {"value": None, "mask": None}
        sizes = {"count": 2, "height": 208, "width": 272}
        compare = {
            **own,
            **absent,
            "crops": ("count", bins, bins, width),
            "last": ("count", 2),
            "distractors": ("count", bins, bins),
            "settings": (5,),
        }
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
                inputs=compare,
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

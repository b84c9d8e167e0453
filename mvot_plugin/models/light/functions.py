"""What the engine `siammotion-n` runs of its network: pure functions of tensors."""

from jaxtyping import Float, UInt8
from torch import Tensor

from mvot_plugin.models.exemplars import Exemplars
from mvot_plugin.models.light.selection import select_cells
from mvot_plugin.models.siammotion_functions import SiamMotionFunctions
from mvot_plugin.ops.tensors.boxes import TensorCXCYWH
from mvot_plugin.ops.tensors.normalization import normalize_images

__all__ = ["LightFunctions"]


class LightFunctions(SiamMotionFunctions):
    """The functions of a ``LightNet``."""

    def features(self, images: UInt8[Tensor, "b h w 3"]) -> Float[Tensor, "b h8 w8 c"]:
        """The features of BGR images whose sides are multiples of 16."""
        weight = next(self.network.backbone.parameters())
        maps: Tensor = self.network.features(normalize_images(images).to(weight.dtype))
        return maps

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

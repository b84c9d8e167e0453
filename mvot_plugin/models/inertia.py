"""Inertia: prediction of a target's next box from its last ones (SiamMOTION 3.2.2, Fig. 4)."""

from jaxtyping import Float
from torch import Tensor, nn

from mvot_plugin.ops.tensors.anchors import decode_boxes, encode_boxes
from mvot_plugin.ops.tensors.boxes import TensorCXCYWH

__all__ = ["Inertia"]


class Inertia(nn.Module):
    """A perceptron with two tanh layers over the last ``known`` boxes of a target.

    Its inputs are the differences of consecutive boxes, each encoded relative to the box before
    (Eq. 2); its output is the next difference. Untrained, it predicts no motion.
    """

    def __init__(self, known: int = 6, hidden: int = 64) -> None:
        super().__init__()
        self.known = known
        self.layers = nn.Sequential(
            nn.Linear(4 * (known - 1), hidden),
            nn.Tanh(),
            nn.Linear(hidden, hidden),
            nn.Tanh(),
            nn.Linear(hidden, 4),
        )
        nn.init.zeros_(self.layers[-1].weight)  # type: ignore[arg-type]
        nn.init.zeros_(self.layers[-1].bias)  # type: ignore[arg-type]

    def forward(self, history: Float[TensorCXCYWH, "n known"]) -> Float[TensorCXCYWH, " n"]:
        """Predict the next box of N targets from their last ones, oldest first."""
        return decode_boxes(self.differences(history), history[:, -1])

    def differences(self, history: Float[TensorCXCYWH, "n known"]) -> Float[Tensor, "n 4"]:
        """Predict the next differences, encoded relative to the last boxes."""
        steps = encode_boxes(history[:, 1:], history[:, :-1])
        following: Tensor = self.layers(steps.flatten(1))
        return following

"""The trainer of ``mvot-train inertia``."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from mvot_plugin.errors import InputError, UsageError
from mvot_plugin.models.inertia import Inertia
from mvot_plugin.ops.tensors.anchors import encode_boxes
from mvot_plugin.ops.tensors.boxes import TensorCXCYWH
from mvot_plugin.weights import replace_weights
from mvot_training.inertia.config import InertiaTrainingConfig
from mvot_training.inertia.metrics import elementwise_iou, measure_predictor, rollout
from mvot_training.inertia.sampling import WindowSampler
from mvot_training.inertia.windows import Windows
from mvot_training.trainer import Trainer

__all__ = ["PREFIX", "InertiaTrainer", "inertia_loss"]

PREFIX = "inertia."
"""The prefix of the names of the inertia module's tensors in a weights file."""
LINEAR_FROM = 0.02
"""The difference, in sides, from which the loss is linear: large steps are rare, but happen."""


def inertia_loss(
    inertia: Inertia,
    seen: Float[TensorCXCYWH, "n known"],
    true: Float[TensorCXCYWH, "n ahead"],
    rollout_weight: float,
) -> Float[Tensor, ""]:
    """The loss of the first predicted box, plus ``rollout_weight`` times the later boxes' mean.

    The loss of a box is the smooth L1 of its difference from the ground truth (SiamMOTION Eq. 2),
    and 1 - IoU.
    """
    boxes = rollout(inertia, seen, true.shape[1])
    difference = encode_boxes(boxes, true)
    distance = F.smooth_l1_loss(
        difference, torch.zeros_like(difference), beta=LINEAR_FROM, reduction="none"
    )
    losses = (distance.sum(2) + 1 - elementwise_iou(boxes, true)).mean(0)
    later = losses[1:].mean() if len(losses) > 1 else losses.new_zeros(())
    return losses[0] + rollout_weight * later


class InertiaTrainer(Trainer[Inertia, InertiaTrainingConfig, WindowSampler, Windows]):
    """Trains the inertia module of the file ``weights``, whose other tensors stay as they are.

    ``held_out`` are the windows to validate on, by kind. ``origin`` identifies the weights, the
    data and the settings of the training; the checkpoint of another origin is refused.
    """

    METRIC = "quality"
    VALIDATE_START = True
    MAX_GRADIENT_NORM = 1.0

    def __init__(
        self,
        network: Inertia,
        config: InertiaTrainingConfig,
        device: torch.device,
        *,
        weights: Path,
        held_out: Mapping[str, Windows],
        origin: str = "",
    ) -> None:
        super().__init__(network, config, device)
        self.weights, self.held_out, self.origin = weights, held_out, origin
        self.optimizer = torch.optim.AdamW(
            self.network.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
        )

    @property
    def weights_name(self) -> str:
        """The name of the file that the inertia module comes from."""
        return self.weights.name

    @property
    def identity(self) -> dict[str, Any]:
        """The origin."""
        return {"origin": self.origin}

    def sample_batch(self, data: WindowSampler, step: int) -> Windows:
        """The batch of a step."""
        return data.sample_batch(np.random.default_rng([self.config.seed, step]), self.config)

    def compute_loss(self, batch: Windows) -> tuple[Tensor, Mapping[str, float]]:
        """The loss of ``inertia_loss``."""
        columns = batch.seen, batch.true[:, self.network.known :]
        seen, true = (torch.from_numpy(boxes).to(self.device) for boxes in columns)
        return inertia_loss(self.network, seen, true, self.config.rollout_weight), {}

    def validate(self) -> dict[str, float]:
        """The metrics on each kind of windows, and ``quality``, the mean of all their overlaps."""
        kinds = {
            kind: measure_predictor(self.average, windows)
            for kind, windows in self.held_out.items()
            if len(windows)
        }
        quality = sum(m.overlap + m.overlap_ahead for m in kinds.values()) / (2 * len(kinds))
        metrics = {
            f"{kind} {name}": value for kind, m in kinds.items() for name, value in vars(m).items()
        }
        return {"quality": quality, **metrics}

    def export(self, path: Path) -> None:
        """Write a copy of the weights file with the moving average as its inertia module."""
        state = self.average.state_dict()
        tensors = {f"{PREFIX}{name}": value for name, value in state.items()}
        replace_weights(self.weights, path, tensors, {})

    def resume(self, path: Path) -> None:
        """Continue from a checkpoint; raises ``UsageError`` for one of another origin."""
        try:
            super().resume(path)
        except InputError as error:
            raise UsageError(
                f"{path}: was left by a training of other weights, data or settings; "
                "choose another --output"
            ) from error

"""The trainer of ``mvot-train siamese``: all networks on the same pairs, on one backbone."""

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import asdict
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from jaxtyping import Float32, Int64, UInt8
from torch import Tensor, nn

from mvot_plugin.engines.siamese import SiamAttnEngine, SiameseEngine
from mvot_plugin.models.siamese.config import SiameseConfig
from mvot_plugin.models.siamese.network import SiameseFunctions, SiameseNet
from mvot_plugin.ops.boxes import xyxy_to_cxcywh
from mvot_plugin.runtimes.torch_network import prepare
from mvot_plugin.types import XYXY
from mvot_plugin.weights import save_weights
from mvot_training.data.training_data import TrainingData
from mvot_training.losses import to_canonical_pixels
from mvot_training.optimization import native_dtype
from mvot_training.pairs.batches import PairBatch, sample_pairs
from mvot_training.siamese.config import SiameseTrainingConfig
from mvot_training.siamese.imsiam_loss import imsiam_loss
from mvot_training.siamese.siamattn_loss import siamattn_loss
from mvot_training.siamese.siammot_losses import emm_loss, imm_loss
from mvot_training.siamese.truth import Truth
from mvot_training.siamese.views import (
    GEOMETRIES,
    Maps,
    View,
    crop_features,
    resize_images,
    view_batch,
)
from mvot_training.trainer import Trainer
from mvot_training.validation import Validation, prepare_copy

__all__ = ["LOSSES", "SiameseTrainer", "Systems"]

LOSSES: Mapping[str, Callable[..., dict[str, Tensor]]] = MappingProxyType(
    {
        "siammot-emm": emm_loss,
        "siammot-imm": imm_loss,
        "imsiam": imsiam_loss,
        "siamattn": siamattn_loss,
    }
)
"""The loss of each engine's network."""


class Systems(nn.Module):
    """The networks by engine; all have the same backbone, as one module."""

    def __init__(self, networks: Mapping[str, SiameseNet]) -> None:
        super().__init__()
        self.networks = nn.ModuleDict(networks)
        backbone = next(iter(networks.values())).backbone
        for network in networks.values():
            network.backbone = backbone

    @property
    def backbone(self) -> nn.Module:
        """The backbone."""
        shared: nn.Module = next(iter(self.networks.values())).backbone  # type: ignore[assignment]
        return shared


class SiameseTrainer(Trainer[Systems, SiameseTrainingConfig, TrainingData, PairBatch]):
    """Trains the networks of a config together."""

    SAMPLERS = 1

    def __init__(
        self,
        systems: Systems,
        config: SiameseTrainingConfig,
        device: torch.device,
        *,
        validation: Validation | None = None,
        record: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(systems, config, device)
        self.validation, self.record = validation, record or {}
        backbone = list(systems.backbone.parameters())
        shared = {id(p) for p in backbone}
        others = [p for p in systems.parameters() if id(p) not in shared]
        groups = [{"params": others}]
        self.frozen: Any = None
        if config.backbone_rate_factor:
            groups.append({"params": backbone})
        else:
            self._freeze_backbone()
        self.optimizer = torch.optim.AdamW(
            groups, lr=config.learning_rate, weight_decay=config.weight_decay
        )

    def _freeze_backbone(self) -> None:
        """Take a copy of the backbone that is as fast as an engine's."""
        self.frozen = deepcopy(self.network.backbone)
        prepare(self.frozen, self.device, native_dtype(self.device))

    def resume(self, path: Path) -> None:
        """See ``Trainer``; the backbone, too, is that of the checkpoint."""
        super().resume(path)
        if self.frozen is not None:
            self._freeze_backbone()

    @property
    def weights_name(self) -> str:
        """That of the first engine; those of the others lie beside it."""
        return f"{self.config.engines[0]}.safetensors"

    def sample_batch(self, data: TrainingData, step: int) -> PairBatch:
        """The batch of a step."""
        rng = np.random.default_rng([self.config.seed, step])
        return sample_pairs(data, rng, GEOMETRIES, self.config.batch, self.config.sampling)

    def learning_rates(self) -> Sequence[float]:
        """The learning rates of what is added, and of the backbone if it is trained."""
        (rate,) = super().learning_rates()
        factor = self.config.backbone_rate_factor
        return [rate, rate * factor] if factor else [rate]

    def compute_loss(self, batch: PairBatch) -> tuple[Tensor, Mapping[str, float]]:
        """The losses of all networks, of the same pairs, and what each consists of.

        What is random in a loss depends on the step alone.
        """
        seed = self.config.seed, self.step
        torch.manual_seed(sum(seed))
        zoom = self.config.zooms[self.step % len(self.config.zooms)]
        views: dict[bool, View] = {}
        losses: dict[str, Tensor] = {}
        for name, network in self.network.networks.items():
            assert isinstance(network, SiameseNet)
            is_region = not network.config.has_squares
            if is_region not in views:
                views[is_region] = view_batch(self._compute, batch, zoom, is_region=is_region)
            share = self.config.shares.get(name, 1.0)
            count = max(round(share * len(batch.boxes)), 1)
            rows = _choose_rows(batch, count)
            view = views[is_region].draw(batch, self.config.draws.get(name, 1), seed)
            parts = self._compare(name, network, batch, view, rows)
            losses |= {f"{name}/{part}": loss for part, loss in parts.items()}
        total = torch.stack(list(losses.values())).sum()
        return total, {name: float(loss.detach()) for name, loss in losses.items()}

    def _compute(self, images: UInt8[np.ndarray, "n h w 3"], side: int) -> Maps:
        """What the backbone computes of images, which it sees reduced to ``side`` pixels."""
        pixels = resize_images(images, side, self.device)
        if self.frozen is None:
            backbone: Any = self.network.backbone
            early = backbone.early(pixels)
            return early, backbone.late(early)
        with torch.no_grad():
            early = self.frozen.early(pixels.to(next(self.frozen.parameters()).dtype))
            return early.float(), [level.float() for level in self.frozen.late(early)]

    def _compare(
        self,
        name: str,
        network: SiameseNet,
        batch: PairBatch,
        view: View,
        rows: Int64[np.ndarray, " m"],
    ) -> dict[str, Tensor]:
        """The losses of a network of some rows of a batch."""
        shape: SiameseConfig = network.config
        priors = view.priors.reshape(-1, view.draws, 4)[rows].reshape(-1, 4)
        rows = np.repeat(rows, view.draws)
        enrolled = batch.exemplar_boxes[rows]
        areas = [shape.search_areas(boxes) for boxes in (enrolled, priors)]
        crops = [
            crop_features(
                network.merge(early[rows], [level[rows] for level in late]),
                (where - np.float32(margin)) * np.float32(zoom),
                shape.search_bins,
            )
            for (early, late), where, zoom, margin in zip(
                view.maps, areas, view.zooms, view.margins, strict=True
            )
        ]
        extents = (enrolled[:, 2:] - enrolled[:, :2]) / (areas[0][:, 2:] - areas[0][:, :2])
        sizes = torch.as_tensor(extents * shape.canonical_side, device=self.device)
        answers = network.answer(network.enroll(crops[0], sizes), crops[1])
        truth = self._truth(batch, rows, areas[1], shape.canonical_side)
        return LOSSES[name](self.config.loss, network, answers, truth)

    def _truth(
        self, batch: PairBatch, rows: Int64[np.ndarray, " m"], areas: Float32[XYXY, " n"], side: int
    ) -> Truth:
        """The ground truth of some rows, in canonical pixels of their search areas."""
        boxes = to_canonical_pixels(batch.boxes[rows], areas, side)
        centred = xyxy_to_cxcywh(areas)
        centred[:, :2] -= np.float32(batch.searches.shape[1] / 2)
        masks = (
            None if batch.masks is None else torch.as_tensor(batch.masks[rows], device=self.device)
        )
        return Truth(
            boxes=torch.as_tensor(boxes, device=self.device),
            present=torch.as_tensor(batch.positive[rows], device=self.device),
            areas=torch.as_tensor(centred, device=self.device),
            side=side,
            masked=torch.as_tensor(batch.masked[rows], device=self.device),
            masks=None if masks is None else masks.float(),
        )

    def validate(self) -> dict[str, float]:
        """The mean over the networks of ``Validation.measure``, and that of each."""
        if self.validation is None or not self.validation.sequences:
            return {}
        found = {}
        for name, network in self.average.networks.items():
            kind = SiamAttnEngine if name == "siamattn" else SiameseEngine
            functions = SiameseFunctions(deepcopy(network))  # type: ignore[arg-type]
            engine = kind.from_network(prepare_copy(functions))
            found[name] = self.validation.measure(engine)["mean"]
        return {**found, "mean": float(np.mean(list(found.values())))}

    def export(self, path: Path) -> None:
        """Write the moving average of each network as a weights file."""
        for name, network in self.average.networks.items():
            record = {
                "licence": "Apache-2.0",
                **self.record,
                "steps": self.step,
                "validation": self.metrics,
                "training": asdict(self.config),
            }
            file = path.with_name(f"{name}.safetensors")
            save_weights(file, network, name, network.config, record)


def _choose_rows(batch: PairBatch, count: int) -> Int64[np.ndarray, " m"]:
    """``count`` pairs of a batch: at least half with masks, as far as there are so many."""
    masked = np.flatnonzero(batch.masked)[: -(-count // 2)]
    others = np.setdiff1d(np.arange(len(batch.boxes)), masked)
    return np.sort(np.concatenate([masked, others[: count - len(masked)]]))

"""The choice of a box where each cell has one: what ``select_boxes`` computes."""

import pytest
import torch

from mvot_plugin.models.heads import Proposals
from mvot_plugin.models.light.selection import select_cells
from mvot_plugin.models.penalisation import select_boxes

SIDE = 8


def _answers(count: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits, and the edges of boxes about the cells."""
    generator = torch.Generator().manual_seed(seed)
    logits = 3 * torch.randn(count, SIDE, SIDE, generator=generator)
    line = (torch.arange(SIDE) - SIDE // 2) * 16.0
    y, x = torch.meshgrid(line, line, indexing="ij")
    distances = 10 + 40 * torch.rand(count, 4, SIDE * SIDE, generator=generator)
    signs = torch.tensor([-1.0, -1.0, 1.0, 1.0])[:, None]
    return logits, torch.stack([x, y, x, y]).flatten(1) + signs * distances


def _as_proposals(logits: torch.Tensor, edges: torch.Tensor) -> Proposals:
    low, high = edges[:, :2], edges[:, 2:]
    boxes = torch.cat([(low + high) / 2, high - low], dim=1).transpose(1, 2)
    return Proposals(logits=logits[:, None], boxes=boxes.reshape(-1, 1, SIDE, SIDE, 4))


@pytest.mark.parametrize(
    "settings",
    [[0.42, 0.05, 0.01, 0.8, 1.0], [0.3, 0.2, 0.4, 0.5, 0.0], [0.0, 0.0, 0.0, 0.999, 0.0]],
)
def test_it_selects_what_select_boxes_does(settings: list[float]) -> None:
    logits, edges = _answers(7)
    generator = torch.Generator().manual_seed(1)
    last = 20 + 60 * torch.rand(7, 2, generator=generator)
    masks = torch.rand(7, SIDE, SIDE, generator=generator)
    arguments = last, masks, torch.tensor(settings)
    expected = select_boxes(_as_proposals(logits, edges), *arguments)
    for found, wanted in zip(select_cells(logits, edges, *arguments), expected, strict=True):
        assert torch.allclose(found, wanted, atol=1e-4)


def test_a_distractor_moves_the_choice_away() -> None:
    logits, edges = torch.full((1, SIDE, SIDE), -9.0), _answers(1)[1]
    logits[0, 2, 2], logits[0, 5, 5] = 3.0, 2.5
    masks = torch.ones(1, SIDE, SIDE)
    last = torch.full((1, 2), 50.0)
    settings = torch.tensor([0.0, 0.0, 0.5, 0.999, 0.0])
    free, _, _ = select_cells(logits, edges, last, masks, settings)
    masks[0, 2, 2] = 0.0
    masked, score, _ = select_cells(logits, edges, last, masks, settings)
    cells = [(edges[0, :2, n] + edges[0, 2:, n]) / 2 for n in (2 * SIDE + 2, 5 * SIDE + 5)]
    assert torch.allclose(free[0, :2], cells[0])
    assert torch.allclose(masked[0, :2], cells[1])
    assert score.item() == pytest.approx(torch.tensor(2.5).sigmoid().item())

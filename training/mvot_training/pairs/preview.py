"""A contact sheet of training pairs, to inspect them by eye."""

from pathlib import Path

import cv2
import numpy as np
from jaxtyping import UInt8

from mvot_plugin.errors import InputError
from mvot_plugin.ops.areas import context_side, square_areas
from mvot_training.data.training_data import TrainingData
from mvot_training.pairs.batches import PAIR_GEOMETRIES, PairBatch, sample_batch
from mvot_training.pairs.config import SamplingConfig

__all__ = ["draw_pairs"]

CELL = 240
"""Pixels of the side of an image on the sheet."""
COLUMNS = 4
"""Pairs in a row."""
GROUND_TRUTH, PRIOR, AREA, NEGATIVE = (0, 220, 0), (0, 220, 255), (255, 80, 0), (0, 0, 255)
MASK = 220, 0, 220


def draw_pairs(
    path: Path,
    data: TrainingData,
    rng: np.random.Generator,
    count: int = 64,
    config: SamplingConfig | None = None,
) -> None:
    """Write an image of ``count`` pairs of all levels: exemplar on the left, search on the right.

    The ground truth is green (red for the object of a negative pair), the jittered box yellow, the
    exemplar and search areas are blue, and known masks are tinted.

    Raises ``InputError`` if the file cannot be written.
    """
    cells: list[np.ndarray] = []
    for level in PAIR_GEOMETRIES:
        pairs = count // len(PAIR_GEOMETRIES) + (level <= count % len(PAIR_GEOMETRIES))
        batch = sample_batch(data, rng, level, pairs, config) if pairs else None
        cells += [_draw_pair(batch, row) for row in range(pairs) if batch is not None]
    blank = np.zeros((CELL, 2 * CELL, 3), np.uint8)
    cells += [blank] * (-len(cells) % COLUMNS)
    rows = [np.hstack(cells[n : n + COLUMNS]) for n in range(0, len(cells), COLUMNS)]
    if not cv2.imwrite(str(path), np.vstack(rows)):
        raise InputError(f"{path} cannot be written; check the folder and that it ends in .png")


def _draw_pair(batch: PairBatch, row: int) -> UInt8[np.ndarray, "_ _ 3"]:
    exemplar, prior = batch.exemplar_boxes[row : row + 1], batch.priors[row : row + 1]
    colour = GROUND_TRUTH if batch.positive[row] else NEGATIVE
    left = [(exemplar, GROUND_TRUTH), (square_areas(exemplar, context_side(exemplar)), AREA)]
    area = square_areas(prior, context_side(prior) * 31 / 15)
    right = [(area, AREA), (prior, PRIOR), (batch.boxes[row : row + 1], colour)]
    search = batch.searches[row]
    if batch.masks is not None:
        search = _tint(search, batch.masks[row])
    return np.hstack([_draw_boxes(batch.exemplars[row], left), _draw_boxes(search, right)])


def _tint(
    image: UInt8[np.ndarray, "h w 3"], mask: UInt8[np.ndarray, "h w"]
) -> UInt8[np.ndarray, "h w 3"]:
    """Mix the colour of masks into the pixels of a mask."""
    mixed = cv2.addWeighted(image, 0.5, np.full_like(image, MASK), 0.5, 0)
    return np.where(mask[..., None] > 0, mixed, image)


def _draw_boxes(
    image: UInt8[np.ndarray, "h w 3"], boxes: list[tuple[np.ndarray, tuple[int, int, int]]]
) -> UInt8[np.ndarray, "_ _ 3"]:
    """Scale an image to a cell of the sheet and draw boxes into it."""
    factor = CELL / len(image)
    cell = cv2.resize(image, (CELL, CELL), interpolation=cv2.INTER_AREA)
    for box, colour in boxes:
        x0, y0, x1, y1 = np.round(box[0] * factor - 0.5).astype(int).tolist()
        cv2.rectangle(cell, (x0, y0), (x1, y1), colour, 1)
    return np.asarray(cell)

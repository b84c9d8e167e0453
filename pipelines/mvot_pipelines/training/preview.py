"""A sheet of training pairs for people to look at."""

from pathlib import Path

import cv2
import numpy as np
from jaxtyping import UInt8

from mvot_pipelines.training.library import Library
from mvot_pipelines.training.pairs import GRADES, Mixture, PairBatch, sample_batch
from mvot_plugin.errors import InputError
from mvot_plugin.ops.areas import context_side, square_areas

__all__ = ["write_sheet"]

TILE = 240
COLUMNS = 4
TRUTH, PRIOR, AREA, NEGATIVE = (0, 220, 0), (0, 220, 255), (255, 80, 0), (0, 0, 255)


def write_sheet(
    path: Path,
    library: Library,
    rng: np.random.Generator,
    count: int = 64,
    mixture: Mixture | None = None,
) -> None:
    """Write an image of ``count`` pairs of all levels: exemplar on the left, search on the right.

    Green is the truth (red the object of a negative pair), yellow the jittered box, blue the
    exemplar and search areas. Raises ``InputError`` if the file cannot be written.
    """
    tiles: list[np.ndarray] = []
    for level in GRADES:
        share = count // len(GRADES) + (level <= count % len(GRADES))
        batch = sample_batch(library, rng, level, share, mixture) if share else None
        tiles += [_tile(batch, row) for row in range(share) if batch is not None]
    blank = np.zeros((TILE, 2 * TILE, 3), np.uint8)
    tiles += [blank] * (-len(tiles) % COLUMNS)
    rows = [np.hstack(tiles[n : n + COLUMNS]) for n in range(0, len(tiles), COLUMNS)]
    if not cv2.imwrite(str(path), np.vstack(rows)):
        raise InputError(f"{path} cannot be written; check the folder and that it ends in .png")


def _tile(batch: PairBatch, row: int) -> UInt8[np.ndarray, "_ _ 3"]:
    exemplar, prior = batch.exemplar_boxes[row : row + 1], batch.priors[row : row + 1]
    truth = TRUTH if batch.positive[row] else NEGATIVE
    left = [(exemplar, TRUTH), (square_areas(exemplar, context_side(exemplar)), AREA)]
    area = square_areas(prior, context_side(prior) * 31 / 15)
    right = [(area, AREA), (prior, PRIOR), (batch.boxes[row : row + 1], truth)]
    return np.hstack([_marked(batch.exemplars[row], left), _marked(batch.searches[row], right)])


def _marked(
    image: UInt8[np.ndarray, "h w 3"], boxes: list[tuple[np.ndarray, tuple[int, int, int]]]
) -> UInt8[np.ndarray, "_ _ 3"]:
    """The image at the size of a tile, with boxes of one pixel's width."""
    factor = TILE / len(image)
    shown = cv2.resize(image, (TILE, TILE), interpolation=cv2.INTER_AREA)
    for box, colour in boxes:
        x0, y0, x1, y1 = np.round(box[0] * factor - 0.5).astype(int).tolist()
        cv2.rectangle(shown, (x0, y0), (x1, y1), colour, 1)
    return np.asarray(shown)

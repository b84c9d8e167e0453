"""The ground truth of a sequence as training uses it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float32

from mvot_plugin.motfile import MotRows, read_ground_truth
from mvot_plugin.types import XYXY

__all__ = ["is_considered", "is_person", "read_ignored", "read_objects"]

MIN_BOX_SIDE = 4
"""Pixels of a side; boxes with a shorter one are left out as too inexact."""
PERSON_CLASSES = (-1, 1, 2, 7)
"""MOT17's classes that are people, and -1, the class of rows that name none."""

_COLUMNS = ("frame", "id", "xyxy", "score", "class_id", "visibility")


def read_objects(folder: Path, *, frames: int | None = None) -> MotRows:
    """Read the ground truth of the first ``frames`` frames (None for all) of a sequence.

    Rows that are to be ignored and boxes that are tiny or not finite are left out.
    """
    rows = read_ground_truth(folder)
    is_used = _is_used(rows)
    if frames is not None:
        is_used &= rows.frame < frames
    return _select(rows, is_used)


def read_ignored(folder: Path) -> MotRows:
    """Read the rows of a sequence that ``read_objects`` leaves out, if their boxes are finite."""
    rows = read_ground_truth(folder)
    return _select(rows, ~_is_used(rows) & np.isfinite(rows.xyxy).all(1))


def _is_used(rows: MotRows) -> Bool[np.ndarray, " n"]:
    return np.asarray(_has_usable_box(rows.xyxy) & is_considered(rows))


def _select(rows: MotRows, which: Bool[np.ndarray, " n"]) -> MotRows:
    return replace(rows, **{name: getattr(rows, name)[which] for name in _COLUMNS})


def is_considered(rows: MotRows) -> Bool[np.ndarray, " n"]:
    """Which rows count: those whose flag is not 0 (MOTChallenge)."""
    return np.asarray(rows.score > 0)


def is_person(rows: MotRows) -> Bool[np.ndarray, " n"]:
    """Which rows are of people."""
    return np.isin(rows.class_id, PERSON_CLASSES)


def _has_usable_box(xyxy: Float32[XYXY, " n"]) -> Bool[np.ndarray, " n"]:
    sides = xyxy[:, 2:] - xyxy[:, :2]
    return np.asarray((sides >= MIN_BOX_SIDE).all(1) & np.isfinite(xyxy).all(1))

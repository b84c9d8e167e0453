"""The ground truth of a rendered frame."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Int64

from mvot_plugin.rows import Rows
from mvot_plugin.types import XYXY
from mvot_synthetic.canvas import SOLID
from mvot_synthetic.rendering import PlacedSprite

__all__ = ["SceneGroundTruth", "measure_ground_truth"]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class SceneGroundTruth(Rows):
    """The ground truth of one frame: one row per object with pixels inside the image.

    Examples:
        >>> from mvot_synthetic import street
        >>> truth = street(seed=2, size=(320, 240), frames=1).ground_truth(0)
        >>> people = truth[(truth.class_id == 0) & (truth.visibility > 0.5)]
        >>> people.xyxy.shape == (len(people), 4)
        True
    """

    id: Int64[np.ndarray, " n"]
    """Counts from 1; constant for an object through the scene."""
    xyxy: Float32[XYXY, " n"]
    """The full extent of the object, occluded or not; may reach beyond the image."""
    class_id: Int64[np.ndarray, " n"]
    """COCO's: 0 person, 1 bicycle, 2 car."""
    visibility: Float32[np.ndarray, " n"]
    """The share of the object's pixels that the image shows, 0 (occluded) to 1."""

    def __post_init__(self) -> None:
        Rows.__post_init__(self)
        self._coerce(id=np.int64, xyxy=np.float32, class_id=np.int64, visibility=np.float32)


def measure_ground_truth(sprites: list[PlacedSprite], ids: np.ndarray) -> SceneGroundTruth:
    """Boxes, and visibilities from the id map."""
    visibility = []
    for placed in sprites:
        own = int(np.count_nonzero(placed.patch[..., 3] >= SOLID))
        top, left = max(placed.top, 0), max(placed.left, 0)
        bottom, right = placed.top + len(placed.patch), placed.left + placed.patch.shape[1]
        seen = int(np.count_nonzero(ids[top:bottom, left:right] == placed.id))
        visibility.append(seen / own)
    return SceneGroundTruth(
        id=np.array([p.id for p in sprites], np.int64),
        xyxy=np.array([p.xyxy for p in sprites], np.float32).reshape(-1, 4),
        class_id=np.array([p.class_id for p in sprites], np.int64),
        visibility=np.array(visibility, np.float32),
    )

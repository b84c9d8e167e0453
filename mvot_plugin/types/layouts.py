"""The layouts of boxes."""

from typing import TypeAlias

import numpy as np
from jaxtyping import Float

__all__ = ["CXCYWH", "LTWH", "XYXY"]

XYXY: TypeAlias = Float[np.ndarray, "4"]
"""A box as left, top, right, bottom: (x0, y0, x1, y1)."""
CXCYWH: TypeAlias = Float[np.ndarray, "4"]
"""A box as centre x, centre y, width, height."""
LTWH: TypeAlias = Float[np.ndarray, "4"]
"""A box as left, top, width, height, as MOTChallenge's files have it."""

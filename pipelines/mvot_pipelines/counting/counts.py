"""What was counted at a line or in a zone."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from jaxtyping import Float32

__all__ = ["Count"]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Count:
    """What a line or a zone has counted up to a frame.

    Examples:
        >>> import numpy as np
        >>> from mvot_pipelines.counting import Count
        >>> ends = np.array([[0, 100], [320, 100]], np.float32)
        >>> Count(name="door", kind="line", points=ends, entered=1, left=3).to_dict()
        {'name': 'door', 'kind': 'line', 'in': 1, 'out': 3}
    """

    name: str
    """The name of the line or zone."""
    kind: Literal["line", "zone"]
    """Which of both it is."""
    points: Float32[np.ndarray, "k 2"]
    """Its points, x and y in pixels: two of a line, the corners of a zone."""
    entered: int
    """Crossings of a line to its left side, as seen from its first point to its second; tracks that
    were in a zone."""
    left: int = 0
    """Crossings of a line to its right side; 0 for a zone."""
    inside: int = 0
    """Tracks that are in a zone on this frame; 0 for a line."""

    @property
    def label(self) -> str:
        """The name and the numbers, to be shown."""
        if self.kind == "line":
            return f"{self.name}: {self.entered} in, {self.left} out"
        return f"{self.name}: {self.inside} inside, {self.entered} in all"

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON.

        Returns:
            ``name`` and ``kind``, and of a line ``in`` and ``out``, of a zone ``inside`` and
            ``entered``.
        """
        numbers = {"in": self.entered, "out": self.left}
        if self.kind == "zone":
            numbers = {"inside": self.inside, "entered": self.entered}
        return {"name": self.name, "kind": self.kind, **numbers}

"""The settings of NanoTrack's networks."""

from dataclasses import dataclass

from mvot_plugin.ops.geometry import Geometry

__all__ = ["NanoTrackConfig"]


@dataclass(frozen=True, kw_only=True)
class NanoTrackConfig:
    """What NanoTrack v2 sees of a frame, and how it was calibrated."""

    exemplar: int = 127
    """Side in pixels of the image of an exemplar area."""
    context: float = 0.5
    """Context around a box in its exemplar area: the share p of (w + h) that is added to both."""
    cells: int = 16
    """Cells along a search area."""
    stride: int = 16
    """Pixels from a cell to the next."""
    field: int = 127
    """Side in pixels of the part of a cell's receptive field that matters: of the 319 pixels that a
    cell can see, those further away move a box by less than 0.005 pixels."""
    calibration: tuple[float, float] = (1.0, 0.0)
    """Slope and offset of the Platt scaling from logits to the confidence that a box is right."""

    @property
    def geometry(self) -> Geometry:
        """Where the backbone's cells lie."""
        return Geometry(stride=self.stride, field=self.field, is_padded=True)

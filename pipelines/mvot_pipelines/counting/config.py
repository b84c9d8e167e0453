"""The settings of counting."""

from dataclasses import dataclass
from typing import Annotated, Literal, TypeAlias

from mvot_plugin.config import CheckedConfig, Range

__all__ = ["Anchor", "CountingConfig"]

Anchor: TypeAlias = Literal["bottom_center", "center", "top_center"]


@dataclass(frozen=True, kw_only=True)
class CountingConfig(CheckedConfig):
    """What is counted, and how."""

    lines: tuple[str, ...] = ()
    """Lines to count crossings of: "x1,y1,x2,y2" or "NAME=x1,y1,x2,y2", in pixels, or, where no
    number is above 1, in widths and heights of the frame."""
    zones: str | None = None
    """A file of zones and further lines, YAML or JSON: "NAME: [[x, y], [x, y], ...]", a line where
    there are two points; a list of such polygons; or a GeoJSON FeatureCollection."""
    anchor: Anchor = "bottom_center"
    """The point of a box that is at a place: where people stand by default."""
    crossing_frames: Annotated[int, Range(1, 1000)] = 2
    """Frames in a row on its other side after which a track has crossed a line."""

    @property
    def is_asked_for(self) -> bool:
        """Whether there is anything to count."""
        return bool(self.lines or self.zones)

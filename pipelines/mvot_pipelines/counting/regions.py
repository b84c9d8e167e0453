"""Lines and zones: read from the command line and from files."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32

from mvot_pipelines.counting.config import CountingConfig
from mvot_plugin.config import parse_yaml
from mvot_plugin.errors import InputError, MvotError, UsageError, format_value
from mvot_plugin.textfile import read_bytes

__all__ = ["Region", "read_regions"]

_MOST_BYTES = 1 << 20
_MOST_REGIONS = 100
_FARTHEST = 1e6
"""The largest coordinate, in pixels."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Region:
    """A line, which has two points, or a zone, a polygon of three or more."""

    name: str
    points: Float32[np.ndarray, "k 2"]
    """x and y in pixels."""

    @property
    def is_line(self) -> bool:
        """Whether it is a line."""
        return len(self.points) == 2


def read_regions(config: CountingConfig, size: tuple[int, int]) -> list[Region]:
    """Read all lines and zones that the settings name.

    Args:
        config: The settings.
        size: (width, height) of the frames in pixels.

    Raises:
        UsageError: A line cannot be understood, or two regions have one name.
        InputError: The file cannot be read or understood, or a region is outside of the frame.
    """
    regions = [_parse_line(text, size) for text in config.lines]
    if config.zones is not None:
        regions += _read_file(config.zones, size)
    regions = [
        Region(name=one.name or f"{'line' if one.is_line else 'zone'} {number}", points=one.points)
        for number, one in enumerate(regions, start=1)
    ]
    if len(regions) > _MOST_REGIONS:
        raise UsageError(f"{len(regions)} lines and zones are too many: {_MOST_REGIONS} at most")
    names = [region.name for region in regions]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(
                f"two lines or zones are called {format_value(name)}; give each a name of its own"
            )
    return regions


def _build_entry(name: str, points: Any, size: tuple[int, int], label: str) -> Region:
    """A region of a file; an error is that of the ``label``."""
    try:
        return _build(name, points, size)
    except MvotError as error:
        raise InputError(f"{label}: {error}") from None


def _parse_line(text: str, size: tuple[int, int]) -> Region:
    """A line of the command line."""
    name, _, numbers = text.rpartition("=")
    try:
        values = [float(value) for value in numbers.split(",")]
    except ValueError:
        values = []
    if len(values) != 4:
        raise UsageError(
            f"--count-line {format_value(text)}: write x1,y1,x2,y2 or NAME=x1,y1,x2,y2, in pixels"
        )
    points = [values[:2], values[2:]]
    try:
        return _build(name, points, size)
    except MvotError as error:
        raise UsageError(f"--count-line {format_value(text)}: {error}") from None


def _read_file(path: str, size: tuple[int, int]) -> list[Region]:
    """The regions of a file."""
    origin = f"--zone {path}"
    try:
        text = read_bytes(Path(path), _MOST_BYTES).decode("utf-8-sig")
    except OSError as error:
        raise InputError(f"{origin} cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise InputError(f"{origin} is no text: write zones as YAML or JSON") from None
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        content = parse_yaml(text, origin)
    regions = [
        _build_entry(name, points, size, f"{origin}, {format_value(name or f'entry {number}')}")
        for number, (name, points) in enumerate(_list_entries(content, origin), start=1)
    ]
    if not regions:
        raise InputError(f"{origin} has no zones: write NAME: [[x, y], [x, y], [x, y]]")
    return regions


def _list_entries(content: Any, origin: str) -> Iterator[tuple[str, Any]]:
    """The name, empty where there is none, and the points of each entry."""
    if isinstance(content, dict) and content.get("type") == "FeatureCollection":
        features = content.get("features")
        for feature in features if isinstance(features, list) else ():
            yield _read_feature(feature)
    elif isinstance(content, dict):
        for name, points in content.items():
            yield str(name), points
    elif isinstance(content, list):
        polygons = [content] if _is_point(content[0] if content else None) else content
        for points in polygons:
            yield "", points
    else:
        raise InputError(f"{origin} has no zones: write NAME: [[x, y], [x, y], [x, y]]")


def _read_feature(feature: Any) -> tuple[str, Any]:
    """The name and the points of a feature of GeoJSON: the outer ring of a polygon, or a line."""
    part = feature if isinstance(feature, dict) else {}
    geometry = part.get("geometry") or {}
    points = geometry.get("coordinates") if isinstance(geometry, dict) else None
    if isinstance(points, list) and points and geometry.get("type") == "Polygon":
        ring = points[0]
        points = ring[:-1] if isinstance(ring, list) and ring[:1] == ring[-1:] else ring
    properties = part.get("properties")
    name = properties.get("name") if isinstance(properties, dict) else None
    return str(name or part.get("id") or ""), points


def _is_point(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and not isinstance(value[0], list)


def _build(name: str, points: Any, size: tuple[int, int]) -> Region:
    """A region; the message of an error says what is wrong with its points."""
    is_plain = isinstance(points, list) and all(map(_is_point, points))
    flat: list[Any] = [value for point in points for value in point] if is_plain else [None]
    if any(isinstance(value, bool) or not isinstance(value, (int, float)) for value in flat):
        raise InputError("its points must be pairs of numbers, [[x, y], [x, y], ...]")
    if len(points) < 2 or not all(abs(value) <= _FARTHEST for value in flat):
        raise InputError(
            "a line needs two points and a zone three or more, all within a million pixels"
        )
    array = np.array(points, np.float64)
    if (np.abs(array) <= 1).all():
        array = array * size
    rank = np.linalg.matrix_rank(array - array[0])
    if rank < min(len(array) - 1, 2):
        where = "one and the same" if rank == 0 else "on one straight line"
        raise InputError(f"its points are {where}")
    width, height = size
    low, high = array.min(0), array.max(0)
    if low[0] >= width or low[1] >= height or high[0] < 0 or high[1] < 0:
        raise InputError(f"it is outside of the frame, which has {width} x {height} pixels")
    if (array < np.negative(size)).any() or (array > np.multiply(size, 2)).any():
        raise InputError(
            "it reaches more than a frame's size outside of the frame, which has "
            f"{width} x {height} pixels"
        )
    return Region(name=name, points=array.astype(np.float32))

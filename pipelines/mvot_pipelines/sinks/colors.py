"""Colours of tracks, which differ among those that are visible together."""

from collections.abc import Iterable
from typing import TypeAlias

__all__ = ["PALETTE", "Color", "TrackColors", "to_hex"]

Color: TypeAlias = tuple[int, int, int]
"""Blue, green and red, 0 to 255, as OpenCV has them."""

_DIGITS = (
    "97e fe8 e00 2ff 0b7 b2a daf e6b 82f 8d2 184 b92 f9a bf1 b68 e0c "
    "960 ab1 4cc 695 ec7 c8f a0d c07 5e9 b4f 66b fad 9fa d61 8a5 f08 "
    "b54 d5f d8a 57d 7c5 a8d c76 a6a ae5 e87 8eb 86c 091 d19 94e df6"
)
"""Red, green and blue. The first twelve were searched for: far apart in OKLab, to people who see
all colours and to those who lack one kind of cone. Each after them is as far as can be from all
before."""
PALETTE: tuple[Color, ...] = tuple(
    (17 * int(color[2], 16), 17 * int(color[1], 16), 17 * int(color[0], 16))
    for color in _DIGITS.split()
)
_FIRST = 12
"""Colours that are used, in turn, while no more tracks are visible."""


class TrackColors:
    """Gives colours to tracks, frame after frame.

    A track keeps its colour while it is visible, and after it was hidden unless the colour has been
    given away meanwhile. Up to 48 tracks that are visible together have colours of their own. The
    same ids, frame by frame, get the same colours.
    """

    def __init__(self) -> None:
        self._frame = 0
        self._owners: list[int | None] = []
        self._seen: list[int] = []

    def assign(self, ids: Iterable[int]) -> dict[int, Color]:
        """The colours of all tracks of the next frame, by id."""
        self._frame += 1
        visible = sorted(ids)
        for _ in range(max(_FIRST, len(visible)) - len(self._owners)):
            self._owners.append(None)
            self._seen.append(0)
        places = {owner: place for place, owner in enumerate(self._owners) if owner is not None}
        known = {one: places[one] for one in visible if one in places}
        for place in known.values():
            self._seen[place] = self._frame
        for one in visible:
            if one not in known:
                known[one] = self._take(one, max(_FIRST, len(visible)))
        return {one: PALETTE[place % len(PALETTE)] for one, place in known.items()}

    def _take(self, track_id: int, limit: int) -> int:
        """Give the place of ``limit`` that was free for longest; one is, of as many as tracks."""
        place = min(range(limit), key=lambda place: (self._seen[place], place))
        self._owners[place], self._seen[place] = track_id, self._frame
        return place


def to_hex(color: Color) -> str:
    """A colour as in HTML: ``"#rrggbb"``."""
    blue, green, red = color
    return f"#{red:02x}{green:02x}{blue:02x}"

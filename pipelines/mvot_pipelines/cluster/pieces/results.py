"""What comes of a piece: its tracks on all frames, without the images."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float32, Float64, Int64

from mvot_pipelines.cluster.pieces.plan import Piece
from mvot_plugin.errors import MvotError
from mvot_plugin.rows import Rows
from mvot_plugin.types import Frame, Tracks

__all__ = ["Looks", "PieceResult"]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Looks(Rows):
    """How tracks looked, when; N looks of all of them."""

    id: Int64[np.ndarray, " n"]
    """The track of each."""
    time: Float64[np.ndarray, " n"]
    """Its timestamp, in seconds."""
    embedding: Float32[np.ndarray, "n d"]
    """Unit vectors; an unknown look is all zeros."""

    @classmethod
    def empty(cls) -> "Looks":
        """No looks."""
        return cls(
            id=np.empty(0, np.int64), time=np.empty(0), embedding=np.empty((0, 0), np.float32)
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class PieceResult:
    """The tracks on the F frames of a piece; their ids count within the piece."""

    piece: Piece
    index: Int64[np.ndarray, " f"]
    """The numbers of the frames in the recording."""
    timestamp: Float64[np.ndarray, " f"]
    """Their times, in seconds."""
    rows: Int64[np.ndarray, " f"]
    """How many tracks there are on each."""
    called: Int64[np.ndarray, " f"]
    """1 for the frames that the detector was given."""
    found: Int64[np.ndarray, " f"]
    """The detections on each that were taken."""
    tracks: Tracks
    """The tracks on all frames, one frame after another."""
    digests: Mapping[int, int] = field(default_factory=dict)
    """Of the frames that are shared with other pieces, by number (``digest``)."""
    looks: Looks = field(default_factory=Looks.empty)
    """Looks of the tracks near both ends of the piece."""
    size: tuple[int, int] = (0, 0)
    """(width, height) of the frames, in pixels."""
    failures: tuple[str, ...] = ()
    """Frames on which the detector failed, and which the engine bridged, with the reason."""
    dropped: int = 0
    """Detections that were left out, since they have no area inside the image."""
    left_out: int = 0
    """Detections that were left out, since there were too many."""
    error: MvotError | None = None
    """What ended the piece behind these frames."""

    def __len__(self) -> int:
        return len(self.index)

    def edges(self) -> Int64[np.ndarray, " edges"]:
        """The first row of each frame among the tracks, and the number of all."""
        return np.concatenate([np.zeros(1, np.int64), np.cumsum(self.rows)])

    def row_frames(self) -> Int64[np.ndarray, " n"]:
        """For each row of the tracks, the place of its frame."""
        return np.repeat(np.arange(len(self.index)), self.rows)

    def frames(self, after: int = -1) -> Iterator[tuple[int, Frame, Tracks]]:
        """Iterate over the frames behind the number ``after``: place, frame and tracks.

        The image of a frame has its size, and is black.
        """
        width, height = self.size
        black = np.broadcast_to(np.uint8(0), (height, width, 3))
        edges = self.edges()
        for place in np.flatnonzero(self.index > after).tolist():
            number, time = int(self.index[place]), float(self.timestamp[place])
            tracks = self.tracks[int(edges[place]) : int(edges[place + 1])]
            yield place, Frame(image=black, index=number, timestamp=time), tracks

    def on(self, place: int) -> Tracks:
        """The tracks on the frame at a place."""
        end = int(self.rows[: place + 1].sum())
        return self.tracks[end - int(self.rows[place]) : end]

"""When the frames of a video are shown, and which of them need no other to be decoded."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float64

__all__ = ["FrameTable", "read_frame_table"]


@dataclass(frozen=True, kw_only=True, eq=False)
class FrameTable:
    """The N frames of a video by its packets, in the order in which they are shown."""

    seconds: Float64[np.ndarray, " n"]
    """When each is shown, from the stream's beginning, as OpenCV says it."""
    is_key: Bool[np.ndarray, " n"]
    """Whether each needs no other."""


def read_frame_table(address: Path | str, timeout: float = 10.0) -> FrameTable | None:
    """Read the times of all frames of a video; nothing is decoded.

    Args:
        address: A file, or a URL.
        timeout: Seconds in which a URL must answer.

    Returns:
        None where the packets do not say when each frame is shown.
    """
    import av  # here, since workers do not need it, and it takes some time

    name = str(address.resolve()) if isinstance(address, Path) else address
    shown, keys = [], []
    with suppress(av.FFmpegError, IndexError, OSError):
        with av.open(name, metadata_errors="replace", timeout=timeout) as video:
            stream = video.streams.video[0]
            start, unit = stream.start_time or 0, stream.time_base
            for packet in video.demux(stream):
                if packet.size and not packet.is_discard:
                    shown.append(packet.pts)
                    keys.append(packet.is_keyframe)
        if unit is None or not shown or None in shown:
            return None
        times = np.array(shown, np.int64)
        order = np.argsort(times, kind="stable")
        if (np.diff(times[order]) <= 0).any():
            return None
        seconds = (times[order] - start) * float(unit)
        return FrameTable(seconds=seconds, is_key=np.array(keys, np.bool_)[order])
    return None

"""Late answers: detections of a frame that the tracker has left behind.

They are merged on the frame that they are of, against the targets as they were then, and the
targets are tracked from there to the present again. Trackers of radar do so with measurements that
are out of sequence (reprocessing; Bar-Shalom 2002 compares it with shorter ways); with engines that
hold no state it is exact: what comes out is what detections in time would have given.
"""

from dataclasses import dataclass
from typing import Any

from mvot_pipelines.tracker import Tracker
from mvot_plugin.association.associator import Merge
from mvot_plugin.errors import UsageError
from mvot_plugin.types import Detections, Frame

__all__ = ["LateAnswers", "LateConfig"]


@dataclass(frozen=True, kw_only=True)
class LateConfig:
    """Settings of late answers; ``UsageError`` where out of range."""

    kept_frames: int = 32
    """Most frames that are kept while the detector is at work; of more, every second one is."""
    catch_up: int | None = None
    """Kept frames that are tracked again with each new frame, 2 or more, until the present is
    reached; null is all at once."""

    def __post_init__(self) -> None:
        for name in ("kept_frames", "catch_up"):
            value = getattr(self, name)
            if value is not None and value < 2:
                raise UsageError(f"pipeline.late.{name} must be 2 or more, got {value}")


class LateAnswers:
    """Merges late answers, and catches up with the present afterwards."""

    def __init__(self, config: LateConfig) -> None:
        self.config = config
        self._asked: Tracker | None = None
        self._behind: Tracker | None = None
        self._kept: list[tuple[Frame, Any]] = []

    @property
    def is_catching_up(self) -> bool:
        """Whether an answer is merged that the present tracker does not know yet."""
        return self._behind is not None

    def expect(self, tracker: Tracker) -> None:
        """Keep the tracker as it is: an answer on its frame will come."""
        self._asked = tracker.fork()

    def forget(self) -> None:
        """No answer will come, or it came in time."""
        self._asked = None
        self._kept.clear()

    def merge(self, detections: Detections) -> Merge:
        """Merge the answer that was expected, on its frame."""
        assert self._asked is not None
        self._behind, self._asked = self._asked, None
        return self._behind.merge(detections)

    def advance(self, present: Tracker, frame: Frame, observation: Any) -> Tracker:
        """Track onto the next frame; returns the tracker that has caught up, if one has."""
        if self._asked is not None or self._behind is not None:
            self._kept.append((frame, observation))
            if len(self._kept) > self.config.kept_frames:
                del self._kept[len(self._kept) % 2 :: 2]
        if self._behind is not None and self._follow(self._behind):
            present, self._behind = self._behind, None
        else:
            present.track(frame, observation)
        return present

    def _follow(self, behind: Tracker) -> bool:
        """Track through kept frames; returns whether it is on the last one, still undecided."""
        count = self.config.catch_up or len(self._kept)
        frames, self._kept = self._kept[:count], self._kept[count:]
        for number, (frame, observation) in enumerate(frames, 1):
            behind.track(frame, observation)
            if self._kept or number < len(frames):
                behind.coast()
        return not self._kept

"""Late answers: detections of a frame that the tracker has left behind.

They are merged on the frame that they are of, against the targets as they were then, and the
targets are tracked from there to the present again. Trackers of radar do so with measurements that
are out of sequence (reprocessing; Bar-Shalom 2002 compares it with shorter ways). With engines that
hold no state it is exact, while no more frames are to be tracked through again than are kept: what
comes out is what detections in time would have given.
"""

import time
from collections.abc import Callable
from typing import Any

from mvot_pipelines.tracking.config import LateConfig
from mvot_pipelines.tracking.tracker import Tracker
from mvot_plugin.types import Frame

__all__ = ["LateAnswers"]


class LateAnswers:
    """Goes back to the frame of a late answer, and catches up with the present afterwards.

    Args:
        config: the settings.
        clock: returns seconds, for the budget.
    """

    def __init__(self, config: LateConfig, clock: Callable[[], float] = time.perf_counter) -> None:
        self.config, self._clock = config, clock
        self._asked: Tracker | None = None
        self._behind: Tracker | None = None
        self._kept: list[tuple[Frame, Any]] = []

    @property
    def is_waiting(self) -> bool:
        """Whether an answer is to come."""
        return self._asked is not None

    @property
    def is_catching_up(self) -> bool:
        """Whether an answer is merged that the present tracker does not know yet."""
        return self._behind is not None

    def expect(self, tracker: Tracker) -> None:
        """Keep the tracker as it is: an answer on its frame will come."""
        self._asked = tracker.fork()
        self._kept.clear()

    def forget(self) -> None:
        """No answer will come, or it came in time."""
        self._asked = None
        self._kept.clear()

    def rewind(self) -> Tracker:
        """The tracker as it was on the frame of the answer, to merge with; it will catch up."""
        assert self._asked is not None
        self._behind, self._asked = self._asked, None
        return self._behind

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
        start, count = self._clock(), 0
        while self._kept and (count < 2 or not self._is_spent(start)):
            behind.track(*self._kept.pop(0))
            count += 1
            if self._kept:
                behind.coast()
        return not self._kept

    def _is_spent(self, start: float) -> bool:
        """Whether the budget of a frame is used up that began at ``start``."""
        budget = self.config.budget
        return budget is not None and 1e3 * (self._clock() - start) >= budget

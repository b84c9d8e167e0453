"""The detector runs when it is worth it.

What is wrong about the tracks grows from one detector call to the next: targets drift, are lost,
others enter. Where this loss grows by ``r`` a frame, calls every ``k`` frames at a cost of ``c``
each cost ``r k / 2 + c / k`` a frame, which is least where ``k (r k) = 2 c``. So a call is due
when the frames since the last one, times the loss by now, reach a level: a fixed one, or one that
keeps the calls to a budget.
"""

from dataclasses import replace

from mvot_pipelines.scheduling.base import CallCost
from mvot_pipelines.scheduling.budget import Budget
from mvot_pipelines.scheduling.config import AdaptiveConfig
from mvot_pipelines.scheduling.loss import LossEstimate
from mvot_plugin.association.associator import Merge
from mvot_plugin.association.existence import TIME_TOLERANCE
from mvot_plugin.engines.base import Motion
from mvot_plugin.types import Detections, Frame

__all__ = ["Adaptive"]

_TOLERANCE = 1e-6
"""By how much of it a level may be missed, so that rounding delays no call."""


class Adaptive:
    """Runs the detector when the expected loss is worth a call; one for each video.

    It estimates the loss from how many targets the engine has lost, and how much the last calls
    have corrected (``learn``). With the same frames and, for a share or a budget, the same costs it
    decides the same.

    Args:
        config: the settings.
        every: in place of that setting.
        share: in place of that setting.
        budget: in place of that setting.

    Raises:
        UsageError: for settings out of range, or for two of ``every``, ``share`` and ``budget``.

    Examples:
        >>> from mvot_pipelines import MotPipeline
        >>> from mvot_pipelines.scheduling import Adaptive
        >>> from mvot_synthetic import NoisyDetector, street
        >>> scene = street(seed=2, size=(320, 240), frames=12)
        >>> tracker = MotPipeline(NoisyDetector(scene), "lk-flow", Adaptive(every=6))
        >>> for frame in scene:
        ...     tracks = tracker.step(frame)
        >>> 1 < tracker.detector_calls < 6
        True
    """

    def __init__(
        self,
        config: AdaptiveConfig | None = None,
        *,
        every: int | float | None = None,
        share: float | None = None,
        budget: float | None = None,
    ) -> None:
        given = {"every": every, "share": share, "budget": budget}
        changed = {name: value for name, value in given.items() if value is not None}
        self.config = replace(config or AdaptiveConfig(), **changed)
        self.reset()

    def reset(self) -> None:
        """Forget the video, and what was learned: the next frame is the first of another one."""
        self._budget = Budget(self.config)
        self._loss = LossEstimate(self.config)
        self._called: Frame | None = None

    def due(self, frame: Frame, motion: Motion) -> bool:
        """Whether to detect on a frame.

        Args:
            frame: the frame, with its index and its timestamp in seconds.
            motion: the N known targets on this frame by the engine.

        Returns:
            True where the frames since the last call, times the loss by now, reach the level.
        """
        self._budget.advance(frame)
        self._loss.watch(motion)
        if self._called is not None and not self._is_worth_it(frame, self._called):
            return False
        self._called = frame
        self._budget.spend()
        return True

    def learn(
        self,
        frame: Frame,
        motion: Motion,
        detections: Detections,
        merge: Merge,
        cost: CallCost,
    ) -> None:
        """Learn from a call how fast targets drift, and what a call costs.

        Args:
            frame: the frame that was detected on.
            motion: the N known targets on that frame by the engine, before the merge.
            detections: the M detections of that frame.
            merge: what they meant for the targets.
            cost: the time that the call took.
        """
        self._budget.learn(cost)
        self._loss.learn(frame, motion, detections, merge)

    def _is_worth_it(self, frame: Frame, called: Frame) -> bool:
        """Whether a call is due on a frame, after the last one."""
        age, seconds = frame.index - called.index, frame.timestamp - called.timestamp
        if age < 0:  # the video has begun anew
            return True
        if seconds >= self.config.most_seconds - TIME_TOLERANCE and age >= self._budget.longest(
            age
        ):
            return True
        growth = self._loss.growth
        value = age * (growth * age + self._loss.lost)
        return value >= self._budget.level(age, growth) * (1 - _TOLERANCE)

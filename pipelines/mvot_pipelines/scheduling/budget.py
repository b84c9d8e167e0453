"""How many calls of the detector are to be had."""

import math
from dataclasses import replace

from mvot_pipelines.scheduling.base import CallCost
from mvot_pipelines.scheduling.config import AdaptiveConfig
from mvot_plugin.types import Frame

__all__ = ["Budget"]

_TRIM = 0.3
"""How much a call more or less than the budget moves the level, as a change of its logarithm."""
_MOST_CREDIT = 4.0
"""Calls that are saved up at most."""
_MOST_DEBT = 2.0
"""Calls that are made ahead of the budget at most."""
_LONGEST = 4.0
"""The longest time between calls, in intervals of the budget."""


class Budget:
    """The level at which a call is due: fixed, or such that a video's calls keep to a budget."""

    def __init__(self, config: AdaptiveConfig) -> None:
        self._config = config
        self._last: Frame | None = None
        self._cost: CallCost | None = None
        self._credit = self._since = 0.0
        self._calls = 0

    def advance(self, frame: Frame) -> None:
        """Add the calls, or the part of one, that the budget gives for the time until a frame."""
        if self._last is not None:
            gained = max(self._gain(frame, self._last), 0.0)
            self._credit = min(self._credit + gained, _MOST_CREDIT)
            self._since += gained
        self._last = frame

    def spend(self) -> None:
        """Take a call from the budget; the first one of a video costs nothing."""
        self._credit -= self._calls > 0
        self._calls += 1
        self._since = 0.0

    def learn(self, cost: CallCost) -> None:
        """Learn what a call costs."""
        detector, memory = max(cost.detector, 1e-6), self._config.memory
        if self._cost is not None:
            detector = memory * self._cost.detector + (1 - memory) * detector
        self._cost = replace(cost, detector=detector)

    def longest(self, age: int) -> float:
        """The most frames between calls, ``age`` frames after the last one; 0 without a budget."""
        return _LONGEST * age / self._since if self._since > 0 else 0.0

    def level(self, age: int, growth: float) -> float:
        """The level, in frames times loss, ``age`` frames after the last call.

        With a budget it is what a loss that grows by ``growth`` a frame reaches when the next call
        is to be had, less where calls are saved up; a budget of time is not used up where it is
        worth less.
        """
        config = self._config
        worth = config.typical * config.interval**2
        if config.every is None and config.share is None and config.budget is None:
            return worth
        if self._since <= 0 or self._credit < -_MOST_DEBT:
            return math.inf
        own = growth * (age / self._since) ** 2 * math.exp(_TRIM * (1 - self._credit))
        return own if config.every is not None else max(own, worth)

    def _gain(self, frame: Frame, last: Frame) -> float:
        config = self._config
        if config.every is not None:
            return (frame.index - last.index) / config.every
        if self._cost is None:
            return 0.0
        if config.share is not None:
            share = config.share / self._cost.streams
            return share * (frame.timestamp - last.timestamp) / self._cost.detector
        left = max((config.budget or 0.0) / 1e3 - self._cost.tracking, 0.0)
        return (frame.index - last.index) * left / self._cost.detector

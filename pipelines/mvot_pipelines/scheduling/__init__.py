"""Schedulers decide on which frames the detector runs."""

from mvot_pipelines.scheduling.adaptive import Adaptive
from mvot_pipelines.scheduling.base import (
    CallCost,
    EveryK,
    Scheduler,
    SupportsFeedback,
    SupportsReset,
)
from mvot_pipelines.scheduling.config import AdaptiveConfig

__all__ = [
    "Adaptive",
    "AdaptiveConfig",
    "CallCost",
    "EveryK",
    "Scheduler",
    "SupportsFeedback",
    "SupportsReset",
]

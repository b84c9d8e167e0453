"""Schedulers decide on which frames the detector runs."""

from mvot_pipelines.scheduling.base import EveryK, Scheduler

__all__ = ["EveryK", "Scheduler"]

"""Counting tracks at lines and in zones."""

from mvot_pipelines.counting.config import CountingConfig
from mvot_pipelines.counting.counts import Count
from mvot_pipelines.counting.regions import Region

__all__ = ["Count", "CountingConfig", "Region"]

"""The tracking pipeline with its sources, schedulers and sinks, and the command ``mvot-run``."""

from mvot_pipelines.pipeline import MotPipeline, PipelineConfig
from mvot_pipelines.scheduling import EveryK, Scheduler
from mvot_pipelines.sources import Source, open_source

__all__ = ["EveryK", "MotPipeline", "PipelineConfig", "Scheduler", "Source", "open_source"]

"""The tracking pipeline with its sources, schedulers and sinks, and the command ``mvot-run``."""

from mvot_pipelines.pipeline import MotPipeline, PipelineConfig
from mvot_pipelines.scheduling import EveryK, Scheduler
from mvot_pipelines.sources import Source, open_source
from mvot_pipelines.streams import MultiPipeline, StreamError

__all__ = [
    "EveryK",
    "MotPipeline",
    "MultiPipeline",
    "PipelineConfig",
    "Scheduler",
    "Source",
    "StreamError",
    "open_source",
]

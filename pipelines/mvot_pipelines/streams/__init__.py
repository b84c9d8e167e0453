"""Several streams in one process, which share one detector and one engine."""

from mvot_pipelines.streams.multi_pipeline import MultiPipeline, StreamError

__all__ = ["MultiPipeline", "StreamError"]

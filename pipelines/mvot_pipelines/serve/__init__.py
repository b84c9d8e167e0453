"""A page that shows a run while it goes on, served over HTTP."""

from mvot_pipelines.serve.sink import ServeSink

__all__ = ["ServeSink"]

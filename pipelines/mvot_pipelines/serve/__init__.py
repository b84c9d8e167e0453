"""A page that shows streams while they go on, served over HTTP."""

from mvot_pipelines.serve.opening import Page
from mvot_pipelines.serve.sink import ServeSink

__all__ = ["Page", "ServeSink"]

"""Sinks write tracks to text files, overlay videos and windows."""

from mvot_pipelines.sinks.background import BackgroundSink
from mvot_pipelines.sinks.base import Sink, StopRun
from mvot_pipelines.sinks.text import JsonLinesSink, MotTextSink
from mvot_pipelines.sinks.video import OverlayVideoSink
from mvot_pipelines.sinks.window import WindowSink

__all__ = [
    "BackgroundSink",
    "JsonLinesSink",
    "MotTextSink",
    "OverlayVideoSink",
    "Sink",
    "StopRun",
    "WindowSink",
]

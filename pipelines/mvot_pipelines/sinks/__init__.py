"""Sinks write tracks to text files, overlay videos and windows."""

from mvot_pipelines.sinks.base import Sink, StopRun
from mvot_pipelines.sinks.text import JsonLinesSink, MotTextSink
from mvot_pipelines.sinks.video import OverlayVideoSink, WindowSink

__all__ = ["JsonLinesSink", "MotTextSink", "OverlayVideoSink", "Sink", "StopRun", "WindowSink"]

"""Readers of the tracking data sets, each in its own folder layout."""

from mvot_benchmarks.datasets.layouts import open_sequence
from mvot_benchmarks.datasets.sequence import Sequence

__all__ = ["Sequence", "open_sequence"]

"""Sequences of the data sets that trackers are measured on, in the layouts they come in."""

from mvot_benchmarks.datasets.layouts import open_sequence
from mvot_benchmarks.datasets.sequence import Sequence

__all__ = ["Sequence", "open_sequence"]

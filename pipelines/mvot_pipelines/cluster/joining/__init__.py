"""Joining the identities of pieces that overlap."""

from mvot_pipelines.cluster.joining.identities import Joiner

__all__ = ["Joiner"]

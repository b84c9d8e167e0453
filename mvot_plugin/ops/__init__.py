"""Batched operators on boxes and points."""

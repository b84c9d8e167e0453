"""Batched operators on boxes."""

"""Straightforward references of the papers' networks: one target, one level, one cell at a time."""

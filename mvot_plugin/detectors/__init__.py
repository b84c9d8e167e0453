"""Detectors and their registry."""

"""Paths of the repository, and of the data next to it."""

from pathlib import Path

__all__ = ["DATA", "ROOT", "VAL"]

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared" / "data"
"""Real sequences; tests that use them are skipped where the machine has none."""
VAL = DATA / "val"

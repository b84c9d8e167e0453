"""Where things lie outside the package: the repository, and the data beside it."""

from pathlib import Path

__all__ = ["DATA", "ROOT", "VAL"]

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared" / "data"
"""Real sequences, where the machine has them; tests that use them skip without."""
VAL = DATA / "val"

"""Targets, their corpus, and fuzzing of one in a process of its own."""

import pkgutil
import subprocess
import sys
from pathlib import Path

__all__ = ["CORPUS", "TARGETS", "fuzz_target"]

FOLDER = Path(__file__).parent
CORPUS = FOLDER / "corpus"
"""A folder for each target: inputs to begin with, and all that ever failed."""
TARGETS = sorted(module.name for module in pkgutil.iter_modules([str(FOLDER / "targets")]))
_LONGEST, _MOST_MEGABYTES, _LONGEST_INPUT = 10, 2048, 4096


def fuzz_target(
    target: str, *, seconds: float, seed: int, new: Path, findings: Path
) -> subprocess.CompletedProcess[str]:
    """Fuzz a target.

    Args:
        target: One of ``TARGETS``.
        seconds: For how long.
        seed: Decides what is tried, as far as time allows.
        new: The folder for inputs that reach what none of the corpus does.
        findings: The folder for inputs that fail.

    Returns:
        The process: 0 where nothing was found, and what it printed, last of all the input.
    """
    command = [
        *(sys.executable, str(FOLDER / "child.py"), target),
        f"-max_total_time={max(round(seconds), 1)}",
        f"-seed={seed + 1}",
        f"-timeout={_LONGEST}",
        f"-rss_limit_mb={_MOST_MEGABYTES}",
        f"-max_len={_LONGEST_INPUT}",
        f"-artifact_prefix={findings}/",
        "-print_final_stats=1",
        *(str(new), str(CORPUS / target)),
    ]
    return subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )

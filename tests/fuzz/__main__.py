"""Fuzzing: ``python tests/fuzz [TARGET] --seconds 600`` looks for inputs that break a reader.

What is found is kept in the corpus, which the tests replay. Exit code 1 if anything was.
"""

import argparse
import re
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from fuzz.runner import CORPUS, TARGETS, fuzz_target

_SHOWN = 4000
_SLICE = 100.0
"""Seconds of one process; libFuzzer's memory grows with the inputs that it has tried."""


def main() -> int:
    """Fuzz what the command line selects; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python tests/fuzz", description=__doc__)
    parser.add_argument("target", nargs="*", choices=[[], *TARGETS], help="all without")
    parser.add_argument("--seconds", type=float, default=600.0, help="for each target")
    parser.add_argument("--seed", type=int, default=0, help="decides what is tried")
    options = parser.parse_args()
    rows, code = ["| target | seconds | inputs | found |", "| --- | ---: | ---: | ---: |"], 0
    for target in options.target or TARGETS:
        tried, output = _fuzz(target, options.seconds, options.seed)
        rows.append(f"| {target} | {options.seconds:g} | {tried:,} | {int(bool(output))} |")
        if output:
            code = 1
            print(f"\n{target}:\n{output}\nkept in {CORPUS / target}")
    print("\n".join(rows))
    return code


def _fuzz(target: str, seconds: float, seed: int) -> tuple[int, str]:
    """How many inputs were tried, and what was printed if one failed."""
    tried = 0
    with tempfile.TemporaryDirectory() as new:
        while seconds > 0:
            done = fuzz_target(
                target,
                seconds=min(seconds, _SLICE),
                seed=seed,
                new=Path(new),
                findings=CORPUS / target,
            )
            count = re.search(r"stat::number_of_executed_units: (\d+)", done.stdout)
            tried += int(count[1]) if count else 0
            if done.returncode:
                return tried, done.stdout[-_SHOWN:]
            seconds, seed = seconds - _SLICE, seed + 1
    return tried, ""


if __name__ == "__main__":
    sys.exit(main())

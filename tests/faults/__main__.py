"""Every case of every group: ``python tests/faults --seed 0`` prints how many were tried and held.

Exit code 1 if any did not hold.
"""

import argparse
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from helpers.faults.suite import (
    Attempt,
    find_groups,
    format_table,
    list_cases,
    try_case,
)


def main() -> int:
    """Try the cases that the command line selects; returns the exit code."""
    options = _parse_options()
    with ThreadPoolExecutor(options.jobs) as threads:
        attempts = []
        for number, attempt in enumerate(_try_all(options, threads), start=1):
            attempts.append(attempt)
            if attempt.faults:
                print(f"\n{attempt.group}: {attempt.case.name}", *attempt.faults, sep="\n    ")
            if number % 50 == 0:
                print(f"{number} tried", file=sys.stderr, flush=True)
    print(f"\n{format_table(attempts)}\n\nseed {options.seed}")
    return int(any(attempt.faults for attempt in attempts))


def _parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python tests/faults", description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="decides what is drawn at random")
    parser.add_argument("--group", action="append", choices=find_groups(), help="only this one")
    parser.add_argument("--case", default="", help="only cases whose name contains this")
    parser.add_argument("--quick", action="store_true", help="only the cases of the gate")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="how many side by side")
    return parser.parse_args()


def _try_all(options: argparse.Namespace, threads: ThreadPoolExecutor) -> Iterator[Attempt]:
    selected = [
        (group, case)
        for group in options.group or find_groups()
        for case in list_cases(group, options.seed)
        if options.case in case.name and (case.quick or not options.quick)
    ]
    yield from threads.map(lambda one: try_case(*one, options.seed), selected)


if __name__ == "__main__":
    sys.exit(main())

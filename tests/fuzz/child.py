"""One target, fuzzed until its time is over; libFuzzer ends the process."""

import sys
from importlib import import_module
from pathlib import Path

import atheris

sys.path.insert(0, str(Path(__file__).parents[1]))


def main() -> None:
    """Fuzz the target that is the first argument; the others are libFuzzer's."""
    target, *options = sys.argv[1:]
    with atheris.instrument_imports(include=["mvot_plugin", "mvot_pipelines"]):
        check = import_module(f"fuzz.targets.{target}").check
    atheris.Setup([sys.argv[0], *options], check)
    atheris.Fuzz()


if __name__ == "__main__":
    main()

"""What a detector of your own is worth on every k-th frame: MOTA, IDF1 and HOTA.

    pip install "mvot-plugin[bench]"
    python examples/evaluate_detector.py

It is evaluated on a rendered street here, a sequence in MOTChallenge's format. The same for your
own sequences: ``mvot-bench mot FOLDER --detector my_module:detect --detect-every 1 5 10``.
"""

import tempfile
from dataclasses import replace

from mvot_benchmarks.datasets.streets import STREETS, write_street
from mvot_benchmarks.detectors import DetectorChoice
from mvot_benchmarks.mot import evaluate_one, format_table
from mvot_plugin import Detections, Frame, load_engine

STREET = replace(STREETS[1], frames=60)
NOISY = STREET.detector(STREET.scene())  # stands for your network


def detect(frame: Frame) -> Detections:
    """Find the objects of a frame: a detector of your own."""
    found = NOISY(frame)
    return found[found.confidence >= 0.3]


def main() -> None:
    """Print a table: engines down, k across."""
    choice = DetectorChoice(name="mine", detector=detect)
    with tempfile.TemporaryDirectory() as folder:
        sequence = write_street(STREET, folder)
        results = [
            evaluate_one(sequence, name, load_engine(name), k, detector=choice)
            for name in ("lk-flow", "hold")
            for k in (1, 5, 10)
        ]
    print(format_table(results))


if __name__ == "__main__":
    main()

"""What a detector of your own is worth on every k-th frame: MOTA, IDF1 and HOTA.

    pip install "mvot-plugin[bench]"
    python examples/evaluate_detector.py [FOLDER ...]

FOLDER is a sequence in MOTChallenge's format (img1/, gt/gt.txt); without one, a street is
rendered. The same from the command line: ``mvot-bench mot FOLDER --detector my_module:detect``.
"""

import sys
import tempfile
from dataclasses import replace

import cv2
import numpy as np

from mvot_benchmarks.datasets.streets import STREETS, write_street
from mvot_benchmarks.detectors import DetectorChoice
from mvot_benchmarks.mot import evaluate_one, format_table
from mvot_plugin import Detections, Frame, load_engine


class MovingPixels:
    """A detector of your own: here, whatever differs from the background."""

    def __init__(self) -> None:
        self._background = cv2.createBackgroundSubtractorMOG2(history=50, detectShadows=False)

    def __call__(self, frame: Frame) -> Detections:
        """Find the moving blobs of a frame."""
        mask = self._background.apply(frame.image)
        mask = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((9, 9), np.uint8))
        contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        boxes = [cv2.boundingRect(contour) for contour in contours]
        return Detections.of([(x, y, x + w, y + h) for x, y, w, h in boxes if w * h > 200])


def main(*folders: str) -> None:
    """Print a table: engines down, k across."""
    with tempfile.TemporaryDirectory() as folder:
        if not folders:
            street = replace(STREETS[1], frames=60)
            folders = (str(write_street(street, folder)),)
        results = []
        for sequence in folders:
            for name in ("lk-flow", "hold"):
                for k in (1, 5, 10):
                    choice = DetectorChoice(name="moving pixels", detector=MovingPixels())
                    results.append(
                        evaluate_one(sequence, name, load_engine(name), k, detector=choice)
                    )
        print(format_table(results))


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Running the command `mvot-run`, and reading the videos it writes."""

import subprocess
import sys
from pathlib import Path

import cv2

COMMAND = Path(sys.executable).with_name("mvot-run")
FRAMES = 40
"""Of the short video of the fixture `videos`."""


def mvot_run(*arguments, cwd=None):
    """Run the command in a process of its own."""
    return subprocess.run(
        [COMMAND, *map(str, arguments)], capture_output=True, text=True, timeout=120, cwd=cwd
    )


def read_properties(path):
    """The number of frames of a video file, its (width, height) and its frame rate."""
    capture = cv2.VideoCapture(str(path))
    count = 0
    while capture.read()[0]:
        count += 1
    size = int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)), int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT))
    rate = capture.get(cv2.CAP_PROP_FPS)
    capture.release()
    return count, size, rate

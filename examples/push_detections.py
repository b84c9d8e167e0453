"""Push mode: your program decides when to detect, and hands over what it found.

    pip install mvot-plugin
    python examples/push_detections.py

``tracker.update(image, detections)`` takes what detectors return: arrays of N x 4, 5 or 6, tuples,
torchvision's dictionaries, ultralytics Results, supervision.Detections. ``[]`` means that the
detector found nothing, ``None`` that it has not looked.
"""

import numpy as np

from mvot_pipelines import MotPipeline
from mvot_synthetic import NoisyDetector, street


def main() -> None:
    """Detect where the program likes, and print the tracks of each frame."""
    scene = street(seed=3, frames=40)
    noisy = NoisyDetector(scene, seed=3)  # stands for your detector
    tracker = MotPipeline(engine="lk-flow", class_names={0: "person", 1: "bicycle", 2: "car"})
    for frame in scene:
        detections = None
        if frame.index % 7 == 0:  # any rule of yours: motion, a GPU that is free, a key frame
            found = noisy(frame)
            detections = np.column_stack([found.xyxy, found.confidence, found.class_id])
        tracks = tracker.update(frame.image, detections, timestamp=frame.timestamp)
        for row in np.flatnonzero(tracks.detection_index >= 0):
            print(f"track {tracks.id[row]} is detection {tracks.detection_index[row]}")
        print(f"frame {frame.index}: {len(tracks)} tracks")


if __name__ == "__main__":
    main()

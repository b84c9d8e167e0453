"""Your YOLO on every fifth frame, all objects on every frame.

    pip install "mvot-plugin[yolo]"
    python examples/your_yolo.py yolo11n.pt video.mp4

Without a video, a rendered street is tracked.
"""

import sys

from ultralytics import YOLO

from mvot_pipelines import MotPipeline, open_source
from mvot_synthetic import street


def main(model: str = "yolo11n.pt", video: str | None = None) -> None:
    """Print the tracks of each frame."""
    tracker = MotPipeline(detector=YOLO(model), engine="lk-flow", detect_every=5)
    source = open_source(video) if video else street(seed=3, frames=30)
    for frame, tracks in tracker.run(source):
        for track in tracks.to_dicts():
            print(frame.index, track["id"], track["class"], track["box"], track["state"])
    print(f"{tracker.steps} frames, {tracker.detector_calls} calls of the detector")


if __name__ == "__main__":
    main(*sys.argv[1:])

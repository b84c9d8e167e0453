"""A slow detector beside a camera: no frame waits for it.

    pip install mvot-plugin
    python examples/slow_detector.py

The detector looks at the newest frame that is due. Its answer is merged on that frame when it
comes, and carried to the present.
"""

import time

from mvot_pipelines import MotPipeline
from mvot_plugin import Detections, Frame
from mvot_synthetic import NoisyDetector, street

SCENE = street(seed=3, frames=60)
DETECT = NoisyDetector(SCENE, seed=3)


def detect_slowly(frame: Frame) -> Detections:
    """Stand for a large network, or a server that is far away."""
    time.sleep(0.15)
    return DETECT(frame)


def main() -> None:
    """Track a camera of 50 frames a second."""
    with MotPipeline(detect_slowly, "lk-flow", detect_every=1, asynchronous=True) as tracker:
        for frame in SCENE:
            time.sleep(0.02)  # the camera
            start = time.perf_counter()
            tracks = tracker.step(frame)
            spent = 1e3 * (time.perf_counter() - start)
            print(f"frame {frame.index}: {len(tracks)} tracks after {spent:.0f} ms")
        print(f"{tracker.steps} frames, {tracker.detector_calls} calls of the detector")


if __name__ == "__main__":
    main()

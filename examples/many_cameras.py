"""Several cameras in one loop: one detector and one engine for all of them.

    pip install mvot-plugin
    python examples/many_cameras.py

``tracker.step`` takes the images of as many cameras as have one, and returns the tracks of each. A
detector with ``detect_batch`` is given the frames that are due together, in one call.
"""

from collections.abc import Sequence

from mvot_pipelines import MultiPipeline
from mvot_plugin.types import Detections, Frame
from mvot_synthetic import NoisyDetector, street

CAMERAS = ("door", "yard", "gate")


class BatchDetector:
    """Stands for your network: it takes a batch of images of one size."""

    def __init__(self) -> None:
        self.scenes = {name: street(seed=seed, frames=40) for seed, name in enumerate(CAMERAS)}
        self.answers = {
            frame.image.tobytes(): NoisyDetector(scene, seed=3)(frame)
            for scene in self.scenes.values()
            for frame in scene
        }
        self.batches: list[int] = []

    def __call__(self, frame: Frame, /) -> Detections:
        """Detect on one frame."""
        return self.detect_batch([frame])[0]

    def detect_batch(self, frames: Sequence[Frame], /) -> list[Detections]:
        """Detect on several frames at once."""
        self.batches.append(len(frames))
        return [self.answers[frame.image.tobytes()] for frame in frames]


def main() -> None:
    """Track three rendered streets, and print how many tracks each has."""
    detector = BatchDetector()
    with MultiPipeline(detector, "lk-flow", detect_every=10) as tracker:
        for frames in zip(*detector.scenes.values(), strict=True):
            images = {name: frame.image for name, frame in zip(CAMERAS, frames, strict=True)}
            tracks = tracker.step(images)
            print(", ".join(f"{name}: {len(found)} tracks" for name, found in tracks.items()))
    calls = len(detector.batches)
    print(f"{sum(detector.batches)} frames detected in {calls} calls of {len(CAMERAS)} cameras")


if __name__ == "__main__":
    main()

"""Zones, lines and annotators of supervision, over our tracks.

    pip install "mvot-plugin[supervision]"
    python examples/supervision_zones.py

A zone sees every frame, though the detector sees only every fifth.
"""

import numpy as np
import supervision as sv

from mvot_pipelines import MotPipeline
from mvot_synthetic import NoisyDetector, street


def main() -> None:
    """Count who walks into the left half, and who crosses the middle; draw it all."""
    scene = street(seed=3, frames=60)
    width, height = scene.size
    left = np.array([[0, 0], [width // 2, 0], [width // 2, height], [0, height]])
    zone = sv.PolygonZone(polygon=left)
    line = sv.LineZone(start=sv.Point(width // 2, 0), end=sv.Point(width // 2, height))
    boxes, labels, traces = sv.BoxAnnotator(), sv.LabelAnnotator(), sv.TraceAnnotator()

    tracker = MotPipeline(NoisyDetector(scene, seed=3), "lk-flow", detect_every=5)
    for frame, tracks in tracker.run(scene):
        found = tracks.to_supervision()
        line.trigger(found)
        inside = int(zone.trigger(found).sum())
        image = boxes.annotate(frame.image.copy(), found)
        image = traces.annotate(image, found)
        labels.annotate(image, found, labels=[f"#{one}" for one in tracks.id])
        print(f"frame {frame.index}: {inside} inside, {line.in_count} in, {line.out_count} out")


if __name__ == "__main__":
    main()

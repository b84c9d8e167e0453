"""Only the motion, in a loop of your own: no detector, no merging, no identities of ours.

    pip install mvot-plugin
    python examples/own_loop.py

The engine holds no state: ``targets`` is a value that you own, index and concatenate.
"""

import numpy as np

from mvot_plugin import load_engine
from mvot_synthetic import NoisyDetector, street


def main() -> None:
    """Follow boxes for five frames at a time, and print how sure the engine is of them."""
    scene = street(seed=3, frames=30)
    detect = NoisyDetector(scene, seed=3)  # stands for your detector
    engine = load_engine("lk-flow")
    targets = None
    for frame in scene:
        observation = engine.observe(frame)
        if targets is None or frame.index % 5 == 0:
            targets = engine.enroll(observation, detect(frame).xyxy)
            print(f"frame {frame.index}: {len(targets)} boxes detected")
            continue
        targets, motion = engine.track(observation, targets)
        visible = motion.scores > 0.4
        print(f"frame {frame.index}: {visible.sum()} of {len(targets)} boxes followed")
        targets = targets[visible]
        assert np.isfinite(targets.boxes).all()


if __name__ == "__main__":
    main()

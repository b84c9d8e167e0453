"""What the tests of the engines share."""

import numpy as np

APART = np.array(
    [[20, 20, 70, 90], [120, 30, 160, 110], [220, 25, 290, 100], [60, 130, 120, 220]], np.float32
)


def centres(boxes):
    return (boxes[:, :2] + boxes[:, 2:]) / 2


def follow(engine, frames, boxes=APART):
    """Enrol on the first frame, track over the others; the motion on each of these."""
    targets, motions = engine.enroll(engine.observe(frames[0]), boxes), []
    for frame in frames[1:]:
        targets, motion = engine.track(engine.observe(frame), targets)
        motions.append(motion)
    return targets, motions

"""A MOT folder of one object that moves at a constant speed, for the tests of benchmarks."""

from dataclasses import fields

import cv2
import numpy as np

from mvot_benchmarks.metrics.scoring import Scores

IMAGE = np.zeros((64, 256, 3), np.uint8)


def box_at(index):
    """The box (x0, y0, x1, y1) of the object in a frame."""
    return [2.0 * index, 10.0, 2.0 * index + 40, 50.0]


def write_sequence(folder, frames=12):
    """Write ``frames`` black frames at 10 a second, with detections that equal the ground truth."""
    for part in ("img1", "det", "gt"):
        (folder / part).mkdir(parents=True)
    lines = []
    for index in range(frames):
        cv2.imwrite(str(folder / "img1" / f"{index + 1:06d}.png"), IMAGE)
        lines.append(f"{index + 1},1,{2 * index + 1},11,40,40,1")
    for part in ("det", "gt"):
        (folder / part / f"{part}.txt").write_text("\n".join(lines))
    (folder / "seqinfo.ini").write_text(f"[Sequence]\nframeRate=10\nseqLength={frames}\n")
    return folder


def make_scores(**values):
    """Scores with these ``values``, and 3 for every other count."""
    counts = {one.name: 3 for one in fields(Scores) if one.type in (int, "int")}
    shares = dict.fromkeys(("mota", "idf1", "hota"), 0.5)
    by_overlap = {"located": (9,) * 19, "associated": (0.5,) * 19}
    return Scores(**{**counts, **shares, **by_overlap, **values})

import cv2
import numpy as np
import pytest

from helpers.synthetic import render
from mvot_plugin.ops.boxes import xyxy_to_ltwh
from mvot_synthetic import NoisyDetector, street

FRAMES = 30


def format_rows(frame, ids, boxes, scores):
    one_based = xyxy_to_ltwh(boxes) + np.array([1, 1, 0, 0])
    values = np.concatenate([one_based, scores[:, None]], axis=1)
    for number, row in zip(ids, values.tolist(), strict=True):
        yield ",".join([str(frame + 1), str(number), *(f"{value:.2f}" for value in row)])


@pytest.fixture(scope="session")
def noisy_street(tmp_path_factory):
    """A MOT folder of people in a street, with the detections of a noisy detector."""
    folder = tmp_path_factory.mktemp("ceiling") / "STREET-03"
    for part in ("img1", "det", "gt"):
        (folder / part).mkdir(parents=True)
    scene = street(3, size=(320, 240), frames=FRAMES, walkers=8, vehicles=0, cyclists=0)
    detector = NoisyDetector(scene, recall=0.8, jitter=0.05, false_positives=0.3)
    found, annotated = [], []
    for frame in render(scene):
        cv2.imwrite(str(folder / "img1" / f"{frame.index + 1:06d}.jpg"), frame.image)
        here, objects = detector(frame), scene.ground_truth(frame.index)
        found += format_rows(frame.index, [-1] * len(here), here.xyxy, here.confidence)
        annotated += format_rows(
            frame.index, objects.id.tolist(), objects.xyxy, np.ones(len(objects))
        )
    (folder / "det" / "det.txt").write_text("\n".join(found))
    (folder / "gt" / "gt.txt").write_text("\n".join(annotated))
    (folder / "seqinfo.ini").write_text(f"[Sequence]\nframeRate=25\nseqLength={FRAMES}\n")
    return folder

import cv2
import pytest

from helpers.pipelines.mvot_run import FRAMES
from mvot_synthetic import NoisyDetector, street


@pytest.fixture(scope="session")
def videos(tmp_path_factory):
    """A folder with a short video of a street, its exact detections, and a longer video."""
    folder = tmp_path_factory.mktemp("videos")
    scene = street(seed=1, size=(320, 240), frames=FRAMES, walkers=4, vehicles=1, cyclists=0)
    detector = NoisyDetector(scene, recall=1.0, jitter=0.0, false_positives=0.0)
    images = [frame.image for frame in scene]
    write_video(folder / "street.avi", images)
    write_video(folder / "long.avi", images * 30)
    rows = []
    for frame in scene:
        for x0, y0, x1, y1 in detector(frame).xyxy:
            left, top = x0 + 1, y0 + 1
            rows.append(f"{frame.index + 1},-1,{left:.2f},{top:.2f},{x1 - x0:.2f},{y1 - y0:.2f},1")
    (folder / "det.txt").write_text("\n".join(rows) + "\n")
    return folder


def write_video(path, images):
    height, width = images[0].shape[:2]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 25, (width, height))
    for image in images:
        writer.write(image)
    writer.release()

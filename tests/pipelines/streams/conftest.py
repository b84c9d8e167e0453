import cv2
import numpy as np
import pytest

from helpers.pipelines.shared import CLIPS
from helpers.pipelines.videos import write_images_as_video

BLOBS = """
import cv2
import numpy as np


def detect(image: np.ndarray):
    bright = (image[..., 1] > 200).astype(np.uint8)
    stats = cv2.connectedComponentsWithStats(bright)[2][1:]
    return [[x, y, x + w, y + h, 0.9] for x, y, w, h, area in stats if area > 60]


def fail_on_wide(image: np.ndarray):
    if image.shape[1] == 200:
        raise ConnectionError("gone")
    return detect(image)
"""


@pytest.fixture(scope="session")
def clips(tmp_path_factory):
    """A folder with the videos of ``CLIPS``, and detectors of bright things in ``blobs.py``."""
    folder = tmp_path_factory.mktemp("clips")
    for seed, (name, (size, count)) in enumerate(CLIPS.items()):
        write_images_as_video(folder / f"{name}.avi", [draw(seed, size, n) for n in range(count)])
    (folder / "blobs.py").write_text(BLOBS)
    return folder


def draw(seed, size, number):
    """A frame in which three bright things move over dark texture, each its own way."""
    width, height = size
    rng = np.random.default_rng(seed)
    image = cv2.resize(rng.integers(0, 120, (height // 4, width // 4, 3), np.uint8), size)
    for row in range(3):
        x, y = rng.integers(5, [width - 40, height - 40])
        dx, dy = rng.integers(-2, 3, 2)
        x, y = (int(x + dx * number) % (width - 20), int(y + dy * number) % (height - 20))
        cv2.rectangle(image, (x, y), (x + 14 + 2 * row, y + 18), (220, 255, 200 + 10 * row), -1)
    return image

import logging
import os
from pathlib import Path

import av
import pytest

from helpers.pipelines.videos import write_street


@pytest.fixture(scope="session")
def ray_cluster():
    """A local Ray cluster of two cores, which the commands of the tests join."""
    os.environ |= {"RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0", "RAY_USAGE_STATS_ENABLED": "0"}
    ray = pytest.importorskip("ray")
    ray.init(
        num_cpus=2,
        include_dashboard=False,
        log_to_driver=False,
        logging_level=logging.ERROR,
        object_store_memory=80 << 20,
    )
    yield ray
    ray.shutdown()


@pytest.fixture(scope="session")
def write_h264():
    """Writes images as H.264 with key frames at an interval, and frames that need later ones."""
    return _write_h264


@pytest.fixture(scope="session")
def street(tmp_path_factory):
    """A folder with ten seconds of a street, ``long.mp4``, and its exact detections."""
    folder = tmp_path_factory.mktemp("cluster")
    images = write_street(folder, 250)
    _write_h264(folder / "long.mp4", images, interval=24)
    return folder


def _write_h264(
    path: Path, images: list, *, interval: int, rate: int = 25, frames: int = 3
) -> Path:
    """Write images as H.264 with a key frame at each interval, and frames that need later ones."""
    with av.open(str(path), "w") as video:
        stream = video.add_stream("libx264", rate=rate)
        stream.height, stream.width = images[0].shape[:2]
        stream.pix_fmt, stream.gop_size = "yuv420p", interval
        stream.options = {"preset": "veryfast", "bf": str(frames), "sc_threshold": "0"}
        for image in images:
            for packet in stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")):
                video.mux(packet)
        for packet in stream.encode():
            video.mux(packet)
    return path

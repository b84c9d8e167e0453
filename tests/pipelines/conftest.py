import pytest

from helpers.pipelines.mvot_run import FRAMES
from helpers.pipelines.videos import write_images_as_video, write_street


@pytest.fixture(scope="session")
def videos(tmp_path_factory):
    """A folder with a short video of a street, its exact detections, and a longer video."""
    folder = tmp_path_factory.mktemp("videos")
    write_images_as_video(folder / "long.avi", write_street(folder, FRAMES) * 30)
    return folder

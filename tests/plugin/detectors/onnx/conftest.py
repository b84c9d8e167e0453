import cv2
import pytest

from helpers.plugin.onnx_graphs import FRAME


@pytest.fixture
def image_folder(tmp_path):
    """A folder with three copies of ``FRAME``'s image."""
    folder = tmp_path / "images"
    folder.mkdir()
    for number in range(3):
        cv2.imwrite(str(folder / f"{number}.png"), FRAME.image)
    return folder

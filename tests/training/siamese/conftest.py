"""A small data set with masks."""

import cv2
import pytest

from helpers.training.data import write_training_data
from mvot_training.data.training_data import TrainingData


@pytest.fixture(scope="module")
def roots(tmp_path_factory):
    return write_training_data(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def training_data(roots):
    return TrainingData.read(roots, synthetic_scenes=0, progress=False)


@pytest.fixture
def one_opencv_thread():
    """OpenCV's own threads do not live on in a process that samples batches."""
    count = cv2.getNumThreads()
    cv2.setNumThreads(1)
    yield
    cv2.setNumThreads(count)

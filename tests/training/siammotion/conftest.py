"""Training data that the tests of the stage ``siammotion`` share; they only read it."""

import pytest

from helpers.training.data import write_training_data
from mvot_training.data.training_data import TrainingData


@pytest.fixture(scope="module")
def roots(tmp_path_factory):
    return write_training_data(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def training_data(roots):
    return TrainingData.read(roots, synthetic_scenes=0, progress=False)

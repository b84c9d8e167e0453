"""Data for the tests of the stages `siamfc` and `siammt`."""

import pytest

from helpers.training.data import write_annotated_video, write_training_data
from mvot_training.data.training_data import TrainingData


@pytest.fixture(scope="module")
def roots(tmp_path_factory):
    root = tmp_path_factory.mktemp("data")
    roots = write_training_data(root)
    write_annotated_video(root / "clips" / "kept", masked=False)
    return roots


@pytest.fixture(scope="module")
def training_data(roots):
    return TrainingData.read(roots, held_out=["kept"], synthetic_scenes=0, progress=False)

"""Training data, and a teacher of NanoTrack's structure with few, random weights."""

import pytest

from helpers.plugin.nanotrack_graphs import random_gates, write_published
from helpers.training.data import write_training_data
from mvot_plugin.engines.nanotrack.config import NanoTrackConfig
from mvot_training.data.training_data import TrainingData
from mvot_training.light import teacher


@pytest.fixture(scope="module")
def roots(tmp_path_factory):
    return write_training_data(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def training_data(roots):
    return TrainingData.read(roots, synthetic_scenes=0, progress=False)


@pytest.fixture
def published(tmp_path, monkeypatch):
    """A folder of small networks, named as NanoTrack's; their gates are constant."""
    gates = random_gates()
    monkeypatch.setattr(teacher, "read_constants", lambda: (NanoTrackConfig(), gates))
    return write_published(tmp_path / "published")

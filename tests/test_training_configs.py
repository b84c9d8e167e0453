"""The settings files of trainings that were run are settings that there are."""

from pathlib import Path

import pytest

from mvot_pipelines.config import configured
from mvot_pipelines.training.backbone.settings import BackboneConfig
from mvot_pipelines.training.settings import TrainingConfig

FILES = sorted((Path(__file__).parents[1] / "pipelines" / "configs").glob("*.yaml"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_settings_file_is_understood(path):
    if path.name.startswith("backbone"):
        assert configured(BackboneConfig, path) != BackboneConfig()
    else:
        config = configured(TrainingConfig, path)
        assert config != TrainingConfig()
        assert config.architecture().width in (64, 256)

"""The settings files of trainings that were run are settings that there are."""

from pathlib import Path

import pytest

from mvot_pipelines.config import configured
from mvot_pipelines.training.backbone.settings import BackboneConfig
from mvot_pipelines.training.settings import TrainingConfig
from mvot_pipelines.training.siamfc.settings import SiamFCSchedule, SiamMTSchedule

FILES = sorted((Path(__file__).parents[1] / "pipelines" / "configs").glob("*.yaml"))
OTHERS = {"backbone": BackboneConfig, "siamfc": SiamFCSchedule, "siammt": SiamMTSchedule}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_settings_file_is_understood(path):
    stage = path.stem.partition("-")[0]
    if stage in OTHERS:
        assert configured(OTHERS[stage], path) != OTHERS[stage]()
    else:
        config = configured(TrainingConfig, path)
        assert config != TrainingConfig()
        assert config.architecture().width in (64, 256)

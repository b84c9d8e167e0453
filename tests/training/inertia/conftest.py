"""Sequences and weights for the tests of the stage `inertia`."""

import pytest
import torch

from helpers.training.data import write_annotated_video
from helpers.training.inertia_windows import NARROW
from mvot_plugin.models.siammotion import SiamMotionNet
from mvot_plugin.weights import save_weights


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    root = tmp_path_factory.mktemp("clips")
    write_annotated_video(root / "learnt", masked=False)
    write_annotated_video(root / "kept", masked=True)
    return root


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "narrow.safetensors"
    torch.manual_seed(3)
    save_weights(path, SiamMotionNet(NARROW), "siammotion", NARROW, {"licence": "CC0"})
    return path

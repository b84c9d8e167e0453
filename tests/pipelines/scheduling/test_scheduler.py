import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mvot_pipelines.scheduling import EveryK
from mvot_plugin.engines.base import Motion
from mvot_plugin.errors import UsageError
from mvot_plugin.types import Frame

IMAGE = np.zeros((4, 4, 3), np.uint8)
NOTHING = Motion(boxes=np.empty((0, 4), np.float32), scores=np.empty(0, np.float32))


def due(k, index):
    return EveryK(k=k).due(Frame(image=IMAGE, index=index, timestamp=0.0), NOTHING)


@given(st.integers(1, 30), st.integers(0, 200))
def test_the_detector_is_due_on_every_kth_frame_of_the_source(k, index):
    assert due(k, index) is (index in range(0, 201, k))


@pytest.mark.parametrize("k", [0, -1])
def test_detecting_every_0_frames_names_the_option(k):
    with pytest.raises(UsageError, match=f"--detect-every must be 1 or more, got {k}"):
        EveryK(k=k)

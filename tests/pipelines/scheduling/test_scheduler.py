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


def calls(k, asked):
    """Those of the frames it is asked about on which the detector is due."""
    scheduler = EveryK(k=k)
    frames = (Frame(image=IMAGE, index=index, timestamp=0.0) for index in asked)
    return [frame.index for frame in frames if scheduler.due(frame, NOTHING)]


@given(st.integers(1, 30))
def test_the_detector_is_due_on_every_kth_frame_of_the_source(k):
    assert calls(k, range(100)) == list(range(0, 100, k))


def test_the_next_frame_asked_about_takes_the_place_of_one_that_was_not():
    assert calls(5, [0, 1, 2, 7, 8, 9, 10, 11, 23, 24, 25]) == [0, 7, 10, 23, 25]


@given(st.integers(1, 10), st.sets(st.integers(0, 100)))
def test_there_is_at_most_one_call_for_each_multiple_of_k(k, asked):
    multiples = [index // k for index in calls(k, sorted(asked))]
    assert multiples == sorted({index // k for index in asked})


@pytest.mark.parametrize("k", [0, -1])
def test_detecting_every_0_frames_names_the_option(k):
    with pytest.raises(UsageError, match=f"--detect-every must be 1 or more, got {k}"):
        EveryK(k=k)

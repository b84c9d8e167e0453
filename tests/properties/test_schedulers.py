"""Whatever frames were seen, the detector is called again in time, and the same way twice."""

import copy
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.properties import scaled
from mvot_pipelines.scheduling import Adaptive, CallCost, EveryK, SupportsFeedback
from mvot_plugin.association.associator import AssociationConfig, Associator
from mvot_plugin.engines.base import Motion
from mvot_plugin.types import Detections, Frame

IMAGE = np.zeros((48, 64, 3), np.uint8)
BOXES = np.array([[5, 5, 25, 35], [30, 5, 50, 35]], np.float32)
MAKERS = {
    "every 1": lambda: EveryK(k=1),
    "every 7": lambda: EveryK(k=7),
    "adaptive": Adaptive,
    "mean of 4": lambda: Adaptive(every=4),
    "share": lambda: Adaptive(share=0.3),
    "budget": lambda: Adaptive(budget=20.0),
}
jumps = st.lists(
    st.tuples(
        st.sampled_from([1, 1, 1, 2, 30, 0, -1, -7, -(10**6), 10**6]),
        st.sampled_from([0.04, 0.04, 0.0, 1.0, 3600.0]),
        st.sampled_from([0.0, 0.3, 1.0]),
    ),
    max_size=30,
)


class Course:
    """A scheduler, asked frame by frame; calls are answered by two boxes, which cost 10 ms each."""

    def __init__(self, scheduler):
        self.scheduler, self.index, self.time = scheduler, 0, 0.0
        self.associator = Associator(AssociationConfig())

    def ask(self, step, pause, score):
        """Whether the detector is called on the next frame."""
        self.index, self.time = max(self.index + step, 0), self.time + pause
        frame = Frame(image=IMAGE, index=self.index, timestamp=self.time)
        table = self.associator.lifecycle.trajectories
        motion = Motion(boxes=table.boxes, scores=np.full(len(table), score, np.float32))
        if not self.scheduler.due(frame, motion):
            self.associator.coast(frame, motion)
            return False
        found = Detections.of(BOXES)
        merge = self.associator.merge(frame, motion, found)
        if isinstance(self.scheduler, SupportsFeedback):
            cost = CallCost(detector=0.01, tracking=0.001)
            self.scheduler.learn(frame, motion, found, merge, cost)
        return True


@pytest.mark.parametrize("name", MAKERS)
@given(past=jumps)
@scaled(30)
def test_after_any_past_the_detector_is_called_again_within_seconds(name, past):
    course = Course(MAKERS[name]())
    for one in past:
        course.ask(*one)
    assert any(course.ask(1, 0.04, 0.9) for _ in range(400))


@pytest.mark.parametrize("name", MAKERS)
@given(past=jumps, future=jumps)
@scaled(20)
def test_a_scheduler_that_was_saved_decides_as_it_would_have(name, past, future):
    course = Course(MAKERS[name]())
    for one in past:
        course.ask(*one)
    restored = pickle.loads(pickle.dumps(course))
    copied = copy.deepcopy(course)
    for one in future:
        assert course.ask(*one) == restored.ask(*one) == copied.ask(*one)

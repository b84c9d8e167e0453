"""Whatever is done to a pipeline, its tracks are whole, its ids new, and its memory bounded."""

import copy
import math
import pickle

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from helpers.engine_runs import contract_engine
from helpers.pipelines.workers import lagging
from helpers.properties import (
    BAD_IMAGES,
    PAUSES,
    SIZES,
    assert_same,
    assert_valid,
    detections,
    scaled,
    texture_image,
)
from mvot_pipelines.pipeline import MotPipeline, PipelineConfig
from mvot_pipelines.scheduling import Adaptive, EveryK
from mvot_plugin.engines import load_engine
from mvot_plugin.errors import InputError
from mvot_plugin.types import Frame

NEVER = 10**9
FINDERS = []
"""What the detector does on a frame, by the number that its first pixel holds."""


def detect(frame):
    """A detector of a module, which can be pickled."""
    number = int.from_bytes(frame.image[0, 0].tobytes(), "little")
    return FINDERS[number](number)


def fail(number):
    raise ConnectionError("camera server is gone")


def take_step(pipeline, frame):
    """The tracks, or what is wrong with the detector."""
    try:
        return pipeline.step(frame)
    except InputError as error:
        assert pipeline.config.on_detector_error == "fail"
        return str(error)


def take_from_run(pipeline, frames):
    """The same for each frame from ``run``, up to where a detector fails."""
    answers = []
    try:
        for _, tracks in pipeline.run(frames):
            answers.append(tracks)
    except InputError as error:
        answers.append(str(error))
    return answers


schedulers = st.sampled_from([EveryK(k=1), EveryK(k=3), Adaptive(), Adaptive(every=4)])


class PipelineMachine(RuleBasedStateMachine):
    """Two pipelines that see the same frames; what changes nothing is done to one of them only."""

    engines = ("hold", "kalman", "lk-flow")

    @initialize(
        data=st.data(),
        scheduler=schedulers,
        lag=st.sampled_from([0, 0, 0, 1, 3, NEVER]),
        embedder=st.sampled_from(["colour", None]),
        fails=st.sampled_from(["coast", "fail"]),
        most=st.sampled_from([1000, 20]),
    )
    def begin(self, data, scheduler, lag, embedder, fails, most):
        engine = self.load(data.draw(st.sampled_from(self.engines)))
        self.pipeline, self.twin = (
            MotPipeline(
                detect,
                engine,
                copy.deepcopy(scheduler),
                embedder=embedder,
                config=PipelineConfig(on_detector_error=fails, max_detections=most),
                asynchronous=lagging(lag) if lag else False,
            )
            for _ in range(2)
        )
        FINDERS.clear()
        self.lag, self.size = lag, SIZES[0]
        self.index, self.time = 0, 0.0
        self.known, self.ended = set(), set()

    def load(self, name):
        return load_engine(name)

    @rule(
        finder=detections() | st.just(fail),
        pause=st.sampled_from(PAUSES),
        size=st.sampled_from(SIZES),
        turns=st.booleans(),
        kind=st.sampled_from(["frame", "frame", "array", "unknown", "infinite"]),
    )
    def step(self, finder, pause, size, turns, kind):
        """Give the next frame to both; sometimes one of another size, or of an odd time."""
        self.size = size if turns else self.size
        self._give(self._next_frame(finder, pause, kind))

    @rule(finder=detections(), frames=st.integers(1, 8))
    def go_on(self, finder, frames):
        """Some frames as they usually come."""
        for _ in range(frames):
            self._give(self._next_frame(finder))

    @rule(finder=detections(), fallen=st.sampled_from([1, 3, 10**6]))
    def begin_anew(self, finder, fallen):
        """The index falls back."""
        self.index = max(0, self.index - fallen)
        self._give(self._next_frame(finder))

    @rule(finder=detections() | st.just(fail), frames=st.integers(1, 4))
    def run(self, finder, frames):
        """Take some frames from ``run``, and leave it."""
        given = [self._next_frame(finder) for _ in range(frames)]
        for frame, answer in zip(given, take_from_run(self.pipeline, given), strict=False):
            self._check(answer, take_step(self.twin, frame))

    @rule(name=st.sampled_from(sorted(BAD_IMAGES)), wrap=st.booleans())
    def refuse(self, name, wrap):
        """What is no frame changes nothing."""
        with pytest.raises((InputError, TypeError)):
            self.pipeline.step(self._wrap(BAD_IMAGES[name]) if wrap else BAD_IMAGES[name])

    @rule(how=st.sampled_from(["pickle", "deepcopy"]))
    def restore(self, how):
        """Go on with a copy."""
        if how == "pickle":
            self.pipeline = pickle.loads(pickle.dumps(self.pipeline))
        else:
            self.pipeline = copy.deepcopy(self.pipeline)

    @rule()
    def close(self):
        """Closing twice does nothing more, and a pipeline that waits for its detector goes on."""
        self.pipeline.close()
        self.pipeline.close()

    def _next_frame(self, finder, pause=0.04, kind="frame"):
        image = texture_image(self.size, self.index)
        image[0, 0] = list(len(FINDERS).to_bytes(3, "little"))
        FINDERS.append(finder)
        self.index, self.time = self.index + 1, self.time + pause
        return image if kind == "array" else self._wrap(image, kind)

    def _wrap(self, image, kind="frame"):
        time = {"unknown": math.nan, "infinite": math.inf}.get(kind, self.time)
        return Frame(image=image, index=self.index, timestamp=time)

    def _give(self, frame):
        self._check(take_step(self.pipeline, frame), take_step(self.twin, frame))

    def _check(self, answer, other):
        if isinstance(answer, str):
            assert answer == other
            return
        assert_same(answer, other)
        assert_valid(answer, self.size)
        self._check_identities(answer)
        self._check_memory()

    def _check_identities(self, tracks):
        """Ids that are given are higher than all before; only remembered ones come back."""
        associator = self.twin.tracker.associator
        ids = set(associator.lifecycle.trajectories.id.tolist())
        assert set(tracks.id.tolist()) <= ids
        assert all(identity > max(self.known, default=0) for identity in ids - self.known)
        assert self.lag or not ids & self.ended
        self.known |= ids
        self.ended = self.known - ids - set(associator.memory.lost.id.tolist())

    def _check_memory(self):
        """Rows are those of the engine's targets, and none of the tables grows beyond a bound."""
        associator, late = self.twin.tracker.associator, self.twin._late
        table, lost = associator.lifecycle.trajectories, associator.memory.lost
        assert len(self.twin.tracker.targets) == len(table)
        assert len(late._kept) <= late.config.kept_frames
        most = self.twin.config.max_detections
        assert len(table) <= most
        assert len(lost) <= most
        assert len(associator._gallery._rows) <= 4 * most


class NetworkMachine(PipelineMachine):
    """The same of an engine with a network."""

    engines = ("siammt", "siammotion")

    def load(self, name):
        return contract_engine(name)


class TestPipeline(PipelineMachine.TestCase):
    settings = scaled(25, steps=20)


class TestPipelineOfNetwork(NetworkMachine.TestCase):
    settings = scaled(3, steps=10)

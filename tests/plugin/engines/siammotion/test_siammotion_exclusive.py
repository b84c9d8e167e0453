"""Two targets that are found in one place, and the settings that suit each network."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from helpers.small_light import random_light_network
from mvot_plugin.engines.siammotion import Penalisation, SiamMotionEngine
from mvot_plugin.models.light.functions import LightFunctions
from mvot_plugin.ops.boxes import iou
from mvot_plugin.runtimes.torch_network import TorchNetwork

BOXES = np.array([[20, 30, 60, 90], [90, 30, 130, 90]], np.float32)


@dataclass(frozen=True, kw_only=True)
class Meeting(SiamMotionEngine):
    """Finds all targets where the second one is, with these log odds."""

    odds: tuple[float, float] = (1.0, 2.0)

    def _find(self, observation, targets, expected, crops):
        found = np.repeat(targets.last[1:2], len(targets), axis=0)
        return found, np.array(self.odds[: len(targets)])


def _engine(**settings: object) -> Meeting:
    network = TorchNetwork(LightFunctions(random_light_network()))
    return Meeting.from_network(network, **{"correct_bias": False, "confidence": 0.3, **settings})


@pytest.fixture(scope="module")
def image() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (120, 160, 3), np.uint8)


def _track(engine: Meeting, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    observation = engine.observe(image)
    _, motion = engine.track(observation, engine.enroll(observation, BOXES))
    return motion.boxes, motion.scores


def test_the_less_sure_one_keeps_its_own_place_and_counts_as_hidden(image: np.ndarray) -> None:
    boxes, scores = _track(_engine(), image)
    shared, both = _track(_engine(exclusive=0.0), image)
    assert iou(boxes, BOXES).diagonal() == pytest.approx(1, abs=1e-4)
    assert scores[0] < 0.1
    assert scores[1] == both[1]
    assert both[0] > 0.5
    assert iou(shared, BOXES[1:]).ravel() == pytest.approx(1, abs=1e-4)


def test_the_surer_one_gets_the_place(image: np.ndarray) -> None:
    boxes, scores = _track(_engine(odds=(3.0, 2.0)), image)
    assert iou(boxes, BOXES[1:]).ravel() == pytest.approx(1, abs=1e-4)
    assert scores[0] > 0.9
    assert scores[1] < 0.3


def test_a_network_says_which_settings_suit_it() -> None:
    network = TorchNetwork(LightFunctions(random_light_network()))
    engine = SiamMotionEngine.from_network(network)
    assert engine.penalisation == Penalisation(**network.config.penalisation)
    assert engine.exclusive == network.config.exclusive > 0
    own = replace(engine.penalisation, hann=0.1)
    assert SiamMotionEngine.from_network(network, penalisation=own).penalisation == own


def test_without_penalties_targets_may_share_a_place() -> None:
    network = TorchNetwork(LightFunctions(random_light_network(penalties=False)))
    engine = SiamMotionEngine.from_network(network)
    assert engine.exclusive == 0
    assert engine.penalisation == engine.penalisation.single_object()

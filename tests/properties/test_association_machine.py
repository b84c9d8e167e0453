"""Whatever is merged, and whenever: rows stay rows, ids are new, nothing is lost or made up."""

import copy
from dataclasses import replace

import numpy as np
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from helpers.properties import SIZES, assert_same, assert_valid, detections, scaled, texture_image
from mvot_plugin.association.appearance import AppearanceConfig
from mvot_plugin.association.associator import AssociationConfig, Associator
from mvot_plugin.association.memory import MemoryConfig
from mvot_plugin.detectors.base import drop_unusable
from mvot_plugin.embedders import load_embedder
from mvot_plugin.embedders.base import embed_boxes
from mvot_plugin.engines.base import Motion
from mvot_plugin.types import Frame

configs = st.sampled_from(
    [
        AssociationConfig(),
        AssociationConfig(memory=MemoryConfig(seconds=0.0)),
        AssociationConfig(appearance=AppearanceConfig(weight=0.0)),
        AssociationConfig(memory=MemoryConfig(gate=-50.0, seconds=60.0)),
        AssociationConfig(max_detections=9),
    ]
)


class AssociationMachine(RuleBasedStateMachine):
    """An associator, driven by motions of any kind, and a list of the ids of the engine's rows."""

    @initialize(config=configs, embedder=st.sampled_from(["colour", "none"]))
    def begin(self, config, embedder):
        self.associator, self.embedder = Associator(config), load_embedder(embedder)
        self.index, self.time, self.size = 0, 0.0, SIZES[2]
        self.highest = 0

    @rule(
        finder=detections(most=60),
        pause=st.sampled_from([0.0, 0.04, 0.2, 1.0, 4.0, 3600.0]),
        size=st.sampled_from(SIZES),
        seed=st.integers(0, 99),
    )
    def merge(self, finder, pause, size, seed):
        """Each target is matched or not, and each detection matched, started, or left."""
        frame, motion = self._move(pause, size, seed)
        found, _ = drop_unusable(finder(self.index), size)
        if self.embedder is not None:
            found = self._embed(frame, found)
        before = self.associator.lifecycle.trajectories.id
        remembered = set(self.associator.memory.lost.id.tolist())
        merge = self.associator.merge(frame, motion, found)
        after = self.associator.lifecycle.trajectories.id

        match, rows = merge.match, np.arange(len(before))
        paired = np.concatenate([match.targets, match.unmatched_targets])
        assert sorted(paired.tolist()) == rows.tolist()
        seen = np.concatenate([match.detections, match.unmatched_detections])
        assert sorted(seen.tolist()) == list(range(len(found)))
        assert set(merge.enrolled.tolist()) <= set(match.unmatched_detections.tolist())
        assert len(set(merge.enrolled.tolist())) == len(merge.enrolled)
        assert merge.alive[match.targets].all()

        kept = before[merge.alive]
        assert after[: len(kept)].tolist() == kept.tolist()
        added = after[len(kept) :]
        assert len(added) == len(merge.enrolled)
        gone = set(before[~merge.alive].tolist())
        returned = [identity for identity in added.tolist() if identity <= self.highest]
        assert set(returned) <= remembered | gone
        new = added[added > self.highest]
        assert (np.diff(new) > 0).all()
        self.highest = max([self.highest, *new.tolist()])
        self._check_state()

    @rule(
        pause=st.sampled_from([0.0, 0.04, 1.0, 4.0]),
        size=st.sampled_from(SIZES),
        seed=st.integers(0, 99),
        frames=st.integers(1, 4),
    )
    def coast(self, pause, size, seed, frames):
        """Targets only become fewer."""
        for number in range(frames):
            frame, motion = self._move(pause, size, seed + number)
            before = self.associator.lifecycle.trajectories.id
            alive = self.associator.coast(frame, motion)
            assert self.associator.lifecycle.trajectories.id.tolist() == before[alive].tolist()
        self._check_state()

    @rule(seed=st.integers(0, 99))
    def fork(self, seed):
        """What coasts on a fork is nothing to the other."""
        before = copy.deepcopy(self.associator)
        fork = self.associator.fork()
        for number in range(3):
            motion = self._random_motion(fork, seed + number)
            fork.coast(self._frame(texture_image(self.size, 0), self.time + 2 * number), motion)
        assert_same(before.tracks(), self.associator.tracks())
        assert before.memory.lost.id.tolist() == self.associator.memory.lost.id.tolist()

    def _frame(self, image, time):
        return Frame(image=image, index=self.index, timestamp=time)

    def _embed(self, frame, found):
        return replace(found, embeddings=embed_boxes(self.embedder, frame, found.xyxy))

    def _move(self, pause, size, seed):
        self.index, self.time, self.size = self.index + 1, self.time + pause, size
        frame = self._frame(texture_image(size, self.index), self.time)
        return frame, self._random_motion(self.associator, seed)

    def _random_motion(self, associator, seed):
        """Most targets move a little; some leap, shrink, or are not seen."""
        rng, boxes = np.random.default_rng(seed), associator.lifecycle.trajectories.boxes
        leap = np.where(rng.random((len(boxes), 1)) < 0.1, 100, 2)
        shift = np.tile(rng.normal(0, 1, (len(boxes), 2)) * leap, 2)
        scores = rng.choice(np.float32([0, 0.3, 0.5, 0.9, 1]), len(boxes))
        return Motion(boxes=(boxes + shift).astype(np.float32), scores=scores)

    def _check_state(self):
        associator = self.associator
        table, lost = associator.lifecycle.trajectories, associator.memory.lost
        both = np.concatenate([table.id, lost.id])
        assert len(np.unique(both)) == len(both)
        assert not len(lost) or (self.time - lost.measured).max() <= 60 + 4000
        for column in (table.odds, table.seen, table.measured, table.course.mean):
            assert np.isfinite(column).all()
        assert np.isfinite(table.course.covariance).all()
        assert (table.odds >= 0).all()
        assert_valid(associator.tracks(), self.size)


class TestAssociation(AssociationMachine.TestCase):
    settings = scaled(20, steps=20)

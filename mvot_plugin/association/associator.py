"""The merging of a detector's answers with an engine's motion: one object for each video."""

import copy
from dataclasses import dataclass, field
from typing import Annotated

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64

from mvot_plugin.association.affinity import AffinityConfig, add_evidence, compute_affinity
from mvot_plugin.association.appearance import AppearanceConfig, Gallery, SimilarityModel
from mvot_plugin.association.assignment import Match, Stage, assign_in_stages
from mvot_plugin.association.camera import CameraConfig, CameraMotion
from mvot_plugin.association.confidence import ConfidenceConfig, ConfidenceScale, Grades
from mvot_plugin.association.lifecycle import Lifecycle, LifecycleConfig
from mvot_plugin.association.memory import Memory, MemoryConfig, match_lost
from mvot_plugin.association.trajectories import Trajectories
from mvot_plugin.config import CheckedConfig, NonNegative, Range
from mvot_plugin.engines.base import Motion
from mvot_plugin.ops.boxes import covered_fraction, iou
from mvot_plugin.ops.kalman import BoxFilter
from mvot_plugin.rows import largest_rows
from mvot_plugin.types import Detections, Frame, Tracks

__all__ = ["AssociationConfig", "Associator", "Merge"]


@dataclass(frozen=True, kw_only=True)
class AssociationConfig(CheckedConfig):
    """How the engine's motion and the detections are merged; the defaults hold for any ``k``."""

    confidence: ConfidenceConfig = field(default_factory=ConfidenceConfig)
    """Which detections are sure."""
    affinity: AffinityConfig = field(default_factory=AffinityConfig)
    """How the affinity of a target and a detection is computed from their places."""
    appearance: AppearanceConfig = field(default_factory=AppearanceConfig)
    """How it is computed from how they look."""
    course: BoxFilter = field(default_factory=BoxFilter)
    """How a target moves from detection to detection."""
    camera: CameraConfig = field(default_factory=CameraConfig)
    """How the motion of the camera is estimated."""
    lifecycle: LifecycleConfig = field(default_factory=LifecycleConfig)
    """When tracks begin, are reported, and end."""
    memory: MemoryConfig = field(default_factory=MemoryConfig)
    """How long ended tracks are remembered, and when they are taken back."""
    max_detections: Annotated[int, Range(1, 10_000)] = 1000
    """Most detections of a frame that are taken, the most confident, and most lost targets that are
    remembered; twice as many are tracked at most. Time and memory grow with its square."""
    reenroll: NonNegative = 0.1
    """Affinity, 0..1, from which a match also updates the target's appearance in the engine (its
    exemplar)."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Merge:
    """What the merging of one frame means for the engine's N targets."""

    match: Match
    """The matched targets and their detections."""
    reenroll: Bool[np.ndarray, " pairs"]
    """Which matches also update the target's appearance."""
    alive: Bool[np.ndarray, " n"]
    """Which targets continue."""
    enrolled: Int64[np.ndarray, " births"]
    """The detections to enroll behind them, in this order: recalled targets, then new ones."""
    left_out: int = 0
    """Further detections that would begin targets, beyond the most."""


class Associator:
    """Merges detections and motion, and knows the trajectories of one video.

    Rows of its trajectories are those of the engine's targets.
    """

    def __init__(self, config: AssociationConfig) -> None:
        self.config = config
        self.lifecycle = Lifecycle(config.lifecycle, config.course)
        self.memory = Memory(config.memory, self.lifecycle.trajectories, config.max_detections)
        self._camera = CameraMotion(config.camera)
        self._confidence = ConfidenceScale(config.confidence)
        self._gallery = Gallery(config.appearance.looks, config.appearance.interval)
        self._similarity = SimilarityModel(config=config.appearance)

    @property
    def ids(self) -> Int64[np.ndarray, " n"]:
        """The id of each trajectory, reported or not, in the rows of the engine's targets."""
        return self.lifecycle.trajectories.id

    def tracks(self) -> Tracks:
        """The tracks to report on the last frame."""
        return self.lifecycle.tracks()

    def fork(self) -> "Associator":
        """A second one in the same state, to coast on its own.

        What only ``merge`` changes is shared, so that one of the two at most may merge.
        """
        twin = copy.copy(self)
        twin.lifecycle, twin.memory = copy.copy(self.lifecycle), copy.copy(self.memory)
        return twin

    def coast(self, frame: Frame, motion: Motion) -> Bool[np.ndarray, " n"]:
        """Move N targets on a frame without detections; returns which of them continue."""
        alive = self.lifecycle.coast(motion, frame.timestamp, frame.size)
        self.memory.add(self.lifecycle.ended, frame.timestamp)
        return alive

    def merge(self, frame: Frame, motion: Motion, detections: Detections) -> Merge:
        """Merge the motion of N targets with the M detections of a frame.

        Raises ``InputError`` where embeddings change their length during a video.
        """
        time, ids = frame.timestamp, self.lifecycle.trajectories.id
        camera = self._camera.update(frame)
        course = self.lifecycle.predict_courses(camera, time)
        if camera is not None:
            self.memory.warp(camera)
        grades = self._confidence.grade(detections.confidence)
        class_id = self.lifecycle.trajectories.class_id
        affinity = compute_affinity(motion, course, class_id, detections, self.config.affinity)
        similarity = self._compare(ids, detections, affinity > 0)
        if similarity is not None:
            affinity = add_evidence(affinity, self._similarity.log_ratio(similarity))
        match = self._assign(affinity, grades)
        if similarity is not None and self.config.memory.seconds:
            match = self._find_lost(match, course, detections, grades, time)
        uncovered = covered_fraction(detections.xyxy) <= self.config.appearance.covered
        clean = grades.sure & uncovered
        self._learn(ids, detections, match, similarity, clean, time)
        alive = self.lifecycle.update(motion, detections, match, grades, time, frame.size)
        self.memory.add(self.lifecycle.ended, time)
        births = self.lifecycle.select_births(detections, match, grades)
        room = max(2 * self.config.max_detections - len(self.lifecycle.trajectories), 0)
        chosen = births[largest_rows(detections.confidence[births], room)]
        return Merge(
            match=match,
            reenroll=affinity[match.targets, match.detections] >= self.config.reenroll,
            alive=alive,
            enrolled=self._enroll(detections, chosen, clean, time),
            left_out=len(births) - len(chosen),
        )

    def _compare(
        self, ids: Int64[np.ndarray, " n"], detections: Detections, wanted: Bool[np.ndarray, "n m"]
    ) -> Float32[np.ndarray, "n m"] | None:
        """The cosines of targets and detections; None where appearance is left out."""
        if detections.embeddings is None or not self.config.appearance.weight:
            return None
        return self._gallery.compare(ids, detections.embeddings, wanted)

    def _assign(self, affinity: Float32[np.ndarray, "n m"], grades: Grades) -> Match:
        """Sure detections to proven targets, then to the others; weak ones to proven targets."""
        proven, config = self.lifecycle.trajectories.proven, self.config.affinity
        return assign_in_stages(
            affinity,
            [
                Stage(targets=proven, detections=grades.sure, gate=config.gate),
                Stage(targets=~proven, detections=grades.sure, gate=config.gate),
                Stage(targets=proven, detections=~grades.sure, gate=config.weak_gate),
            ],
        )

    def _find_lost(
        self, match: Match, course: Motion, detections: Detections, grades: Grades, time: float
    ) -> Match:
        """Match proven targets that were not found with what looks like them within reach.

        Only sure detections count that do not lie on a detection that is matched.
        """
        table, config = self.lifecycle.trajectories, self.config
        targets = match.unmatched_targets[table.proven[match.unmatched_targets]]
        found = match.unmatched_detections[grades.sure[match.unmatched_detections]]
        on_others = iou(detections.xyxy[found], detections.xyxy[match.detections])
        found = found[on_others.max(1, initial=0) < config.lifecycle.duplicate]
        if not len(targets) or not len(found):
            return match
        lost, candidates = table[targets], detections[found]
        ratio = self._compare_lost(lost, candidates)
        more = match_lost(lost, course.boxes[targets], candidates, ratio, time, config.memory)
        return match.extend(targets[more.targets], found[more.detections])

    def _compare_lost(
        self, lost: Trajectories, detections: Detections
    ) -> Float64[np.ndarray, "n m"]:
        """What appearance says about each lost target and each detection; 0 where left out."""
        neutral = np.zeros((len(lost), len(detections)))
        similarity = self._compare(lost.id, detections, neutral == 0)
        return neutral if similarity is None else self._similarity.log_ratio(similarity)

    def _learn(
        self,
        ids: Int64[np.ndarray, " n"],
        detections: Detections,
        match: Match,
        similarity: Float32[np.ndarray, "n m"] | None,
        clean: Bool[np.ndarray, " m"],
        time: float,
    ) -> None:
        """Keep looks of the matched targets, and learn what similarities say."""
        if similarity is None or detections.embeddings is None:
            return
        kept = clean[match.detections]
        targets, found = match.targets[kept], match.detections[kept]
        self._similarity.learn_others(detections.embeddings[clean])
        self._similarity.learn_same(similarity[targets, found])
        self._gallery.add(ids[targets], detections.embeddings[found], time)

    def _enroll(
        self,
        detections: Detections,
        births: Int64[np.ndarray, " births"],
        clean: Bool[np.ndarray, " m"],
        time: float,
    ) -> Int64[np.ndarray, " births"]:
        """Recall lost targets, and start new ones; returns the detections in the order of rows.

        New targets get a look in any case, recalled ones where the detection is ``clean``.
        """
        self.memory.forget(time)
        if not len(births):
            return births
        unexplained = detections[births]
        recalled, found = self._recall(unexplained, time)
        fresh = np.setdiff1d(np.arange(len(births)), found)
        order = np.concatenate([found, fresh])
        new = self.lifecycle.start(unexplained[fresh], time)
        if unexplained.embeddings is not None and self.config.appearance.weight:
            known = self.lifecycle.trajectories.id, self.memory.lost.id
            self._gallery.retain(np.concatenate(known))
            kept = clean[births[order]]
            kept[len(recalled) :] = True
            ids = np.concatenate([recalled, new])[kept]
            self._gallery.add(ids, unexplained.embeddings[order[kept]], time)
        return np.asarray(births[order])

    def _recall(
        self, unexplained: Detections, time: float
    ) -> tuple[Int64[np.ndarray, " found"], Int64[np.ndarray, " found"]]:
        """Take lost targets back; returns their ids, and the detection of each."""
        if not len(self.memory.lost):
            return np.zeros(0, np.int64), np.zeros(0, np.int64)
        ratio = self._compare_lost(self.memory.lost, unexplained)
        recalled, found = self.memory.recall(unexplained, ratio, time)
        self.lifecycle.revive(recalled, unexplained[found], time)
        return recalled.id, found

"""Driving an associator as a pipeline does, with an engine that holds its boxes."""

import numpy as np

from mvot_plugin.association.associator import AssociationConfig, Associator
from mvot_plugin.association.siammot import SiamMotSolver, SiamMotSolverConfig
from mvot_plugin.embedders.base import normalize_rows
from mvot_plugin.engines.base import Motion
from mvot_plugin.types import Detections, Frame

BLANK_IMAGE = np.zeros((480, 640, 3), np.uint8)
A, B, C, D = (normalize_rows(np.eye(8, dtype=np.float32) + 0.1)[row] for row in range(4))
"""How four people look."""
CYCLE = 0.2
"""Seconds between detector calls."""


def cycles(begin, end):
    """The times of the detector calls from ``begin`` until before ``end``."""
    return [CYCLE * i for i in range(round(begin / CYCLE), round(end / CYCLE))]


def person(left, top=100.0):
    """A box of 40 x 100 pixels."""
    return left, top, left + 40, top + 100


def found(*people, confidence=0.9):
    """Detections of people, each a box, or a box and how it looks."""
    looks = [one[1] for one in people if isinstance(one[1], np.ndarray)]
    boxes = [one[0] if looks else one for one in people]
    detections = Detections.of(boxes, confidence)
    return Detections(
        xyxy=detections.xyxy,
        confidence=detections.confidence,
        class_id=detections.class_id,
        embeddings=np.array(looks, np.float32) if looks else None,
    )


class HeldTargets:
    """The engine's targets: boxes that stay where they were measured, and the ids they stand for.

    Each step asserts that they are row by row those of the trajectories.
    """

    def __init__(self, **settings):
        self.associator = self._build(**settings)
        self.boxes = np.empty((0, 4), np.float32)
        self.ids = np.empty(0, np.int64)
        self.merge = None

    def step(self, time, detections=None, scores=1.0, image=BLANK_IMAGE):
        """One frame; returns the reported ids."""
        frame = Frame(image=image, index=0, timestamp=time)
        scores = np.broadcast_to(np.float32(scores), len(self.boxes)).copy()
        motion = Motion(boxes=self.boxes, scores=scores)
        if detections is None:
            self._keep(self.associator.coast(frame, motion))
        else:
            self._apply(self.associator.merge(frame, motion, detections), detections)
        table = self._table()
        assert self.ids.tolist() == table.id.tolist()
        assert np.array_equal(self.boxes, table.boxes)
        assert len(set(table.id.tolist())) == len(table)
        return self.associator.tracks().id.tolist()

    def boxes_by_id(self):
        """The left edge of each reported track."""
        tracks = self.associator.tracks()
        return dict(zip(tracks.id.tolist(), tracks.xyxy[:, 0].tolist(), strict=True))

    def _build(self, **settings):
        return Associator(AssociationConfig(**settings))

    def _table(self):
        return self.associator.lifecycle.trajectories

    def _apply(self, merge, detections):
        self.merge = merge
        self.boxes = self.boxes.copy()
        self.boxes[merge.match.targets] = detections.xyxy[merge.match.detections]
        self._keep(merge.alive)
        enrolled = detections.xyxy[merge.enrolled]
        self.boxes = np.concatenate([self.boxes, enrolled])
        new = self.associator.ids[len(self.ids) :]
        self.ids = np.concatenate([self.ids, new])
        assert len(new) == len(enrolled)

    def _keep(self, alive):
        self.boxes, self.ids = self.boxes[alive], self.ids[alive]


class SolvedTargets(HeldTargets):
    """The same with SiamMOT's solver. A test that writes into ``boxes`` moves the targets."""

    def _build(self, most=1000, **settings):
        return SiamMotSolver(SiamMotSolverConfig(**settings), most)

    def _table(self):
        return self.associator.trajectories

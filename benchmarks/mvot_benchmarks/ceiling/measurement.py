"""Tracks a sequence as it is and with perfect parts, and splits what is missing among the parts."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from mvot_benchmarks.ceiling.oracles import TrueDetector, TrueMotion, assign_true_identities
from mvot_benchmarks.datasets import open_sequence
from mvot_benchmarks.detectors import PUBLIC, DetectorChoice
from mvot_benchmarks.metrics.scoring import Scorer, Scores, pool_scores
from mvot_benchmarks.mot import measure_milliseconds, sequence_label
from mvot_benchmarks.reporting.tables import pool_rows
from mvot_pipelines.pipeline import MotPipeline
from mvot_plugin.detectors import Detector, as_detections
from mvot_plugin.embedders import Embedder
from mvot_plugin.engines.base import MotionEngine
from mvot_plugin.types import Detections, Frame

__all__ = [
    "PART_NAMES",
    "CeilingBenchmark",
    "CeilingResult",
    "Parts",
    "pool_results",
    "split_missing",
]


@dataclass(frozen=True, kw_only=True)
class CeilingResult:
    """One sequence tracked with the detector on every k-th frame, as it is and with perfect parts.

    The parts are those of ``oracles``.
    """

    sequence: str
    """The sequence's name."""
    engine: str
    """The engine's name."""
    k: int
    """The detector's interval in frames."""
    scores: Scores
    """The pipeline as it is."""
    true_motion: Scores
    """With true motion in the place of the engine."""
    true_identities: Scores
    """With true identities on the boxes that the pipeline as it is reports."""
    true_motion_identities: Scores
    """With true motion, and true identities on the boxes that are then reported."""
    true_detector: Scores
    """With the engine and a true detector."""
    all_true: Scores
    """With true detector, motion and identities."""
    milliseconds: float
    """The time of the pipeline as it is without its detector, in the mean of ``frames`` frames."""
    frames: int
    """The number of frames."""
    detector: str = PUBLIC
    """The detector's name; "replay" for the sequence's public detections."""


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What is reached of a score, and what each part of the pipeline costs, in percent.

    They add up to 100. A part that is negative covers an error of another: perfect motion, for
    example, may keep false alarms in view that would have been lost.
    """

    reached: float
    """The pipeline as it is."""
    identity: float
    """What true identities add to it."""
    motion: float
    """What true motion adds to true identities, by better boxes; what it does for identities is
    part of ``identity``."""
    detector: float
    """What a true detector adds to these."""
    delay: float
    """The rest: objects that appear between two calls of the detector, and tracks that the pipeline
    reports late or not, or for too long."""

    @property
    def missing(self) -> float:
        """All that is not reached."""
        return 100 - self.reached


PART_NAMES = tuple(one.name for one in fields(Parts))
"""What is reached, and the parts of the pipeline."""


def split_missing(result: CeilingResult, metric: str) -> Parts:
    """Split a score, "idf1", "mota" or "hota", into what is reached and what each part costs."""
    steps = (
        result.scores,
        result.true_identities,
        result.true_motion_identities,
        result.all_true,
    )
    reached, identities, motion, detector = (100 * getattr(step, metric) for step in steps)
    return Parts(
        reached=reached,
        identity=identities - reached,
        motion=motion - identities,
        detector=detector - motion,
        delay=100 - detector,
    )


def pool_results(results: Sequence[CeilingResult]) -> CeilingResult:
    """Score several sequences, of one engine, k and detector, as one."""
    names = [one.name for one in fields(CeilingResult) if one.type is Scores]
    pooled: dict[str, Any] = {
        name: pool_scores([getattr(one, name) for one in results]) for name in names
    }
    return replace(pool_rows(results, "frames"), **pooled)


class CeilingBenchmark:
    """Measures one sequence with one detector, for any engine and k.

    Each frame is detected once, and what does not depend on the engine is tracked once. Raises
    ``InputError`` for a sequence that lacks ground truth or public detections, where these are the
    detector.
    """

    def __init__(
        self,
        folder: str | Path,
        choice: DetectorChoice,
        embedder: Embedder | str | None = "colour",
    ) -> None:
        self.name, self.detector_name = sequence_label(folder), choice.name
        self._sequence = open_sequence(folder)
        self._embedder = embedder
        self._detector = _DetectOnce(choice.for_sequence(self._sequence))
        self._true_detector = TrueDetector(sequence=self._sequence)
        self._true_motion = TrueMotion.from_sequence(self._sequence)
        self._by_true_motion: dict[int, dict[str, Scores]] = {}

    def evaluate(self, name: str, engine: MotionEngine[Any, Any], k: int) -> CeilingResult:
        """Track by an engine with the detector on every k-th frame, and with perfect parts."""
        as_it_is = self._track(self._detector, engine, k)
        true_detector = self._track(self._true_detector, engine, k)
        return CeilingResult(
            sequence=self.name,
            engine=name,
            k=k,
            detector=self.detector_name,
            scores=as_it_is.found.scores(),
            true_identities=as_it_is.identified.scores(),
            true_detector=true_detector.found.scores(),
            **self._evaluate_true_motion(k),
            milliseconds=as_it_is.milliseconds,
            frames=as_it_is.frames,
        )

    def _evaluate_true_motion(self, k: int) -> dict[str, Scores]:
        """The scores that do not depend on the engine, as fields of ``CeilingResult``."""
        if k not in self._by_true_motion:
            true_motion = self._track(self._detector, self._true_motion, k)
            all_true = self._track(self._true_detector, self._true_motion, k)
            self._by_true_motion[k] = {
                "true_motion": true_motion.found.scores(),
                "true_motion_identities": true_motion.identified.scores(),
                "all_true": all_true.identified.scores(),
            }
        return self._by_true_motion[k]

    def _track(self, detector: Detector, engine: MotionEngine[Any, Any], k: int) -> "_Run":
        """Track the sequence, and compare the tracks with the ground truth frame by frame."""
        pipeline = MotPipeline(detector, engine, k, embedder=self._embedder)
        found, identified = Scorer(), Scorer()
        with self._sequence.open() as source:
            length = source.length or self._sequence.length
            ground_truth = self._sequence.ground_truth_frames(length)
            for (_, tracks), objects in zip(pipeline.run(source), ground_truth, strict=False):
                found.add(objects, tracks)
                identified.add(objects, assign_true_identities(objects, tracks))
        return _Run(
            found=found,
            identified=identified,
            milliseconds=measure_milliseconds(pipeline),
            frames=pipeline.steps,
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class _Run:
    """A sequence that was tracked once."""

    found: Scorer
    """Has counted the tracks as they were reported."""
    identified: Scorer
    """Has counted them with true identities."""
    milliseconds: float
    """The mean time of a frame, of all stages but the detector."""
    frames: int
    """The number of frames."""


class _DetectOnce:
    """Calls a detector once for each frame, and returns the same detections from then on."""

    def __init__(self, detector: Detector) -> None:
        self._detector = detector
        self._detections: dict[int, Detections] = {}

    def __call__(self, frame: Frame, /) -> Detections:
        """The detections on a frame."""
        if frame.index not in self._detections:
            self._detections[frame.index] = as_detections(self._detector(frame))
        return self._detections[frame.index]

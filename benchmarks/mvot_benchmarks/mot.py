"""``mvot-bench mot``: MOTA, IDF1 and HOTA over engines and detector intervals."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mvot_benchmarks import datasets
from mvot_benchmarks.detectors import PUBLIC, DetectorChoice
from mvot_benchmarks.metrics.scoring import Scorer, Scores
from mvot_benchmarks.reporting.summaries import average_runs, format_summary
from mvot_benchmarks.reporting.tables import (
    QUALITY_HEADING,
    format_counts,
    format_grid,
    format_quality,
    group_across_sequences,
    label_detectors,
    pool_rows,
)
from mvot_pipelines.pipeline import MotPipeline, PipelineConfig
from mvot_pipelines.sources import Source
from mvot_plugin.embedders import Embedder
from mvot_plugin.engines.base import MotionEngine
from mvot_plugin.types import Frame, Tracks

__all__ = [
    "MotResult",
    "evaluate",
    "evaluate_one",
    "format_table",
    "measure_milliseconds",
    "score_tracks",
    "sequence_label",
]


@dataclass(frozen=True, kw_only=True)
class MotResult:
    """One sequence tracked by one engine with the detector on every k-th frame."""

    sequence: str
    """The sequence's name."""
    engine: str
    """The engine's name, and, if not our own with all its parts, the solver, or the part of the
    merging that was left out."""
    k: int
    """The detector's interval in frames."""
    scores: Scores
    """The quality of the tracks."""
    milliseconds: float
    """The time of motion and merging, in the mean of ``frames`` frames."""
    frames: int
    """The number of frames."""
    detector: str = PUBLIC
    """The detector's name; "replay" for the sequence's public detections."""
    run: int = 0
    """The number of the run; from 1 on the detections are perturbed (``PerturbedDetector``)."""


def evaluate(
    folders: Sequence[str | Path],
    engines: Mapping[str, MotionEngine[Any, Any]],
    ks: Sequence[int],
    config: PipelineConfig | None = None,
) -> Iterator[MotResult]:
    """Track each sequence by each engine at each k; see ``evaluate_one``."""
    for folder in folders:
        for name, engine in engines.items():
            for k in ks:
                yield evaluate_one(folder, name, engine, k, config)


def evaluate_one(
    folder: str | Path,
    name: str,
    engine: MotionEngine[Any, Any],
    k: int,
    config: PipelineConfig | None = None,
    detector: DetectorChoice | None = None,
    run: int = 0,
    embedder: Embedder | str | None = "colour",
) -> MotResult:
    """Track a sequence and score the tracks against its ground truth.

    Without a ``detector``, its public detections are used; in a ``run`` from 1 on, the detections
    are perturbed. Raises ``InputError`` for a sequence that lacks detections or ground truth.
    """
    sequence, choice = datasets.open_sequence(folder), detector or DetectorChoice()
    calls = choice.for_sequence(sequence, run)
    pipeline = MotPipeline(calls, engine, k, embedder=embedder, config=config)
    with sequence.open() as source:
        scores = score_tracks(sequence, source, pipeline.run(source))
    return MotResult(
        sequence=sequence_label(folder),
        engine=name,
        k=k,
        scores=scores,
        milliseconds=measure_milliseconds(pipeline),
        frames=pipeline.steps,
        detector=choice.name,
        run=run,
    )


def measure_milliseconds(pipeline: MotPipeline) -> float:
    """The mean time of a frame so far without the detector's: motion, embedder and association."""
    timer = pipeline.timer
    return 1e3 * (timer.total - timer.seconds.get("detect", 0.0)) / pipeline.steps


def sequence_label(folder: str | Path) -> str:
    """The name of a sequence in tables."""
    return Path(folder).resolve().name


def score_tracks(
    sequence: datasets.Sequence, source: Source, results: Iterable[tuple[Frame, Tracks]]
) -> Scores:
    """Score the tracks on each frame of a source, in order."""
    scorer = Scorer()
    ground_truth = sequence.ground_truth_frames(source.length or sequence.length)
    for (_, tracks), objects in zip(results, ground_truth, strict=False):
        scorer.add(objects, tracks)
    return scorer.scores()


def format_table(results: Sequence[MotResult]) -> str:
    """Markdown tables for each sequence; where there are several, for all together and their mean.

    First engines down, k across, and ``QUALITY_HEADING`` in each cell; then the counts behind it.
    Runs are averaged (``average_runs``). The last table is the mean over sequences with its spread
    (``summarise_sequences``).
    """
    averaged = average_runs(results)
    groups = group_across_sequences(averaged, "engine", "k", "detector")
    pooled = [pool_rows(rows, "frames") for rows in groups]
    labelled, blocks = label_detectors([*averaged, *pooled]), []
    for name in dict.fromkeys(result.sequence for result in labelled):
        rows = [result for result in labelled if result.sequence == name]
        blocks.append(format_grid(f"{name}: {QUALITY_HEADING}", rows, format_quality))
        blocks.append(format_counts(name, rows))
    return "\n\n".join([*blocks, *format_summary(averaged)])

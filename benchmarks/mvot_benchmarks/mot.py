"""``mvot-bench mot``: MOTA and IDF1 over engines and detector intervals, on MOT sequences."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mvot_benchmarks.scoring import Scorer, Scores
from mvot_benchmarks.truth import truth_frames
from mvot_pipelines.pipeline import MotPipeline, PipelineConfig
from mvot_pipelines.sources import open_source
from mvot_plugin.detectors import ReplayDetector
from mvot_plugin.engines.base import MotionEngine
from mvot_plugin.errors import InputError
from mvot_plugin.motfile import read_mot

__all__ = ["MotResult", "evaluate", "table"]


@dataclass(frozen=True, kw_only=True)
class MotResult:
    """One sequence tracked by one engine at one k; ``milliseconds`` are motion and merging."""

    sequence: str
    engine: str
    k: int
    scores: Scores
    milliseconds: float


def evaluate(
    folders: Sequence[str | Path],
    engines: Mapping[str, MotionEngine[Any, Any]],
    ks: Sequence[int],
    config: PipelineConfig | None = None,
) -> Iterator[MotResult]:
    """Track each sequence from its ``det/det.txt``, and score against its ``gt/gt.txt``.

    Raises ``InputError`` for a folder that lacks one of them.
    """
    for folder in map(Path, folders):
        detections, truth = folder / "det" / "det.txt", folder / "gt" / "gt.txt"
        for needed in (detections, truth):
            if not needed.is_file():
                raise InputError(f"{needed}: no such file; mot needs sequences with det and gt")
        for name, engine in engines.items():
            for k in ks:
                detector = ReplayDetector(detections)
                pipeline = MotPipeline(detector, engine, k, config=config)
                yield _evaluate_one(folder, name, k, pipeline)


def _evaluate_one(folder: Path, engine: str, k: int, pipeline: MotPipeline) -> MotResult:
    truth = read_mot(folder / "gt" / "gt.txt")
    scorer = Scorer()
    with open_source(folder) as source:
        expected = truth_frames(truth, source.length or int(truth.frame.max(initial=-1)) + 1)
        for (_, tracks), objects in zip(pipeline.run(source), expected, strict=False):
            scorer.add(objects, tracks)
    seconds = pipeline.timer.seconds["motion"] + pipeline.timer.seconds["associate"]
    return MotResult(
        sequence=folder.name,
        engine=engine,
        k=k,
        scores=scorer.scores(),
        milliseconds=1e3 * seconds / pipeline.steps,
    )


def table(results: Sequence[MotResult]) -> str:
    """A Markdown table for each sequence: engines down, k across, MOTA / IDF1 in each cell."""
    return "\n\n".join(
        _table_of([result for result in results if result.sequence == name])
        for name in dict.fromkeys(result.sequence for result in results)
    )


def _table_of(results: Sequence[MotResult]) -> str:
    ks = list(dict.fromkeys(result.k for result in results))
    lines = [
        f"| {results[0].sequence} | {' | '.join(f'k = {k}' for k in ks)} | ms/frame |",
        f"| --- |{' --- |' * (len(ks) + 1)}",
    ]
    for engine in dict.fromkeys(result.engine for result in results):
        row = [result for result in results if result.engine == engine]
        cells = (f"{100 * one.scores.mota:.1f} / {100 * one.scores.idf1:.1f}" for one in row)
        cost = max(one.milliseconds for one in row)
        lines.append(f"| {engine} | {' | '.join(cells)} | {cost:.1f} |")
    return "\n".join(lines)

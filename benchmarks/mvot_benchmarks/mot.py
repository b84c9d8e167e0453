"""``mvot-bench mot``: MOTA and IDF1 over engines and detector intervals, on MOT sequences."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from mvot_benchmarks.datasets import Sequence as Recorded
from mvot_benchmarks.datasets import open_sequence
from mvot_benchmarks.scoring import Scorer, Scores
from mvot_pipelines.pipeline import MotPipeline, PipelineConfig
from mvot_pipelines.sources import Source
from mvot_plugin.engines.base import MotionEngine
from mvot_plugin.types import Frame, Tracks

__all__ = [
    "MotResult",
    "Row",
    "evaluate",
    "evaluate_one",
    "grid",
    "name_of",
    "quality",
    "score",
    "table",
]


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
) -> MotResult:
    """Track a sequence from its own detections, and score against its truth.

    Raises ``InputError`` for a sequence that lacks one of them.
    """
    sequence = open_sequence(folder)
    pipeline = MotPipeline(sequence.detector(), engine, k, config=config)
    with sequence.open() as source:
        scores = score(sequence, source, pipeline.run(source))
    seconds = pipeline.timer.seconds["motion"] + pipeline.timer.seconds["associate"]
    return MotResult(
        sequence=name_of(folder),
        engine=name,
        k=k,
        scores=scores,
        milliseconds=1e3 * seconds / pipeline.steps,
    )


def name_of(folder: str | Path) -> str:
    """What a sequence is called in tables."""
    return Path(folder).resolve().name


def score(sequence: Recorded, source: Source, tracked: Iterable[tuple[Frame, Tracks]]) -> Scores:
    """The figures of tracks, given for the frames of a source in their order."""
    scorer = Scorer()
    expected = sequence.truth_frames(source.length or sequence.length)
    for (_, tracks), objects in zip(tracked, expected, strict=False):
        scorer.add(objects, tracks)
    return scorer.scores()


@runtime_checkable
class Row(Protocol):
    """What a table of engines by k is made of."""

    @property
    def engine(self) -> str:
        """The engine's name."""

    @property
    def k(self) -> int:
        """The detector's interval in frames."""

    @property
    def scores(self) -> Scores:
        """How well it tracked."""

    @property
    def milliseconds(self) -> float:
        """What a frame cost."""


def table(results: Sequence[MotResult]) -> str:
    """A Markdown table for each sequence: engines down, k across, MOTA / IDF1 in each cell."""
    return "\n\n".join(
        grid(name, [result for result in results if result.sequence == name], quality)
        for name in dict.fromkeys(result.sequence for result in results)
    )


def grid(title: str, results: Sequence[Row], cell: Callable[[Any], str]) -> str:
    """One Markdown table, with the cost of the dearest k; a k that was not measured stays empty."""
    ks = sorted({result.k for result in results})
    lines = [
        f"| {title} | {' | '.join(f'k = {k}' for k in ks)} | ms/frame |",
        f"| --- |{' --- |' * (len(ks) + 1)}",
    ]
    for engine in dict.fromkeys(result.engine for result in results):
        row = {result.k: result for result in results if result.engine == engine}
        cells = (cell(row[k]) if k in row else "" for k in ks)
        cost = max(one.milliseconds for one in row.values())
        lines.append(f"| {engine} | {' | '.join(cells)} | {cost:.1f} |")
    return "\n".join(lines)


def quality(result: Row) -> str:
    """MOTA / IDF1, in percent."""
    return f"{100 * result.scores.mota:.1f} / {100 * result.scores.idf1:.1f}"

"""``mvot-bench mot``: MOTA, IDF1 and HOTA over engines and detector intervals."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol, TypeVar, runtime_checkable

from mvot_benchmarks import datasets
from mvot_benchmarks.detectors import PUBLIC, DetectorChoice
from mvot_benchmarks.metrics.scoring import Scorer, Scores, pool_scores
from mvot_pipelines.pipeline import MotPipeline, PipelineConfig
from mvot_pipelines.sources import Source
from mvot_plugin.engines.base import MotionEngine
from mvot_plugin.types import Frame, Tracks

__all__ = [
    "ALL_TOGETHER",
    "QUALITY_HEADING",
    "MotResult",
    "Row",
    "evaluate",
    "evaluate_one",
    "format_counts",
    "format_grid",
    "format_quality",
    "format_table",
    "group_across_sequences",
    "label_detectors",
    "pool_rows",
    "score_tracks",
    "sequence_label",
]

QUALITY_HEADING = "MOTA / IDF1 / HOTA"
"""What ``format_quality`` writes, as the heading of a table."""
ALL_TOGETHER = "all together"
"""The label in tables of all sequences of a run as one."""


@dataclass(frozen=True, kw_only=True)
class MotResult:
    """One sequence tracked by one engine with the detector on every k-th frame."""

    sequence: str
    """The sequence's name."""
    engine: str
    """The engine's name."""
    k: int
    """The detector's interval in frames."""
    scores: Scores
    """The quality of the tracks."""
    milliseconds: float
    """The time of motion and association, in the mean of ``frames`` frames."""
    frames: int
    """The number of frames."""
    detector: str = PUBLIC
    """The detector's name; "replay" for the sequence's public detections."""


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
) -> MotResult:
    """Track a sequence and score the tracks against its ground truth.

    Without a ``detector``, its public detections are used. Raises ``InputError`` for a sequence
    that lacks detections or ground truth.
    """
    sequence, choice = datasets.open_sequence(folder), detector or DetectorChoice()
    pipeline = MotPipeline(choice.for_sequence(sequence), engine, k, config=config)
    with sequence.open() as source:
        scores = score_tracks(sequence, source, pipeline.run(source))
    seconds = pipeline.timer.seconds["motion"] + pipeline.timer.seconds["associate"]
    return MotResult(
        sequence=sequence_label(folder),
        engine=name,
        k=k,
        scores=scores,
        milliseconds=1e3 * seconds / pipeline.steps,
        frames=pipeline.steps,
        detector=choice.name,
    )


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


@runtime_checkable
class Row(Protocol):
    """A result that tables of engines by k can show."""

    @property
    def sequence(self) -> str:
        """The sequence's name."""

    @property
    def engine(self) -> str:
        """The engine's name."""

    @property
    def k(self) -> int:
        """The detector's interval in frames."""

    @property
    def scores(self) -> Scores:
        """The quality of the tracks."""

    @property
    def milliseconds(self) -> float:
        """The mean time of a frame."""

    @property
    def detector(self) -> str:
        """The detector's name."""


RowT = TypeVar("RowT", bound=Row)


def label_detectors(rows: Sequence[RowT]) -> list[RowT]:
    """Add the detector to the engine's name, where the rows are of several detectors."""
    if len({row.detector for row in rows}) < 2:
        return list(rows)
    label = "{0.engine}, {0.detector}".format
    return [replace(row, engine=label(row)) for row in rows]  # type: ignore[type-var]


def format_table(results: Sequence[MotResult]) -> str:
    """Markdown tables for each sequence, and for all together where there are several.

    First engines down, k across, and ``QUALITY_HEADING`` in each cell; then the counts behind it.
    """
    groups = group_across_sequences(results, "engine", "k", "detector")
    pooled = [pool_rows(rows, "frames") for rows in groups]
    results, blocks = label_detectors([*results, *pooled]), []
    for name in dict.fromkeys(result.sequence for result in results):
        rows = [result for result in results if result.sequence == name]
        blocks.append(format_grid(f"{name}: {QUALITY_HEADING}", rows, format_quality))
        blocks.append(format_counts(name, rows))
    return "\n\n".join(blocks)


def group_across_sequences(rows: Sequence[RowT], *names: str) -> list[list[RowT]]:
    """Group rows that agree in the fields ``names``; only groups with a row of every sequence.

    There are no groups where all rows are of one sequence.
    """
    groups: dict[tuple[Any, ...], list[RowT]] = {}
    for row in rows:
        groups.setdefault(tuple(getattr(row, name) for name in names), []).append(row)
    sequences = len({row.sequence for row in rows})
    return [group for group in groups.values() if len(group) == sequences > 1]


def pool_rows(rows: Sequence[RowT], weight: str, *summed: str) -> RowT:
    """Combine rows of several sequences; the fields ``weight`` and ``summed`` are added up.

    Milliseconds are the mean weighted by ``weight``.
    """
    sums = {name: sum(getattr(row, name) for row in rows) for name in (weight, *summed)}
    total = sum(row.milliseconds * getattr(row, weight) for row in rows)
    return replace(  # type: ignore[type-var]
        rows[0],
        sequence=ALL_TOGETHER,
        scores=pool_scores([row.scores for row in rows]),
        milliseconds=total / sums[weight],
        **sums,
    )


def format_grid(title: str, results: Sequence[Row], format_cell: Callable[[Any], str]) -> str:
    """A Markdown table of engines by k, with the time at the slowest k.

    A k that was not measured stays empty.
    """
    ks = sorted({result.k for result in results})
    lines = [
        f"| {title} | {' | '.join(f'k = {k}' for k in ks)} | ms/frame |",
        f"| --- |{' --- |' * (len(ks) + 1)}",
    ]
    for engine in dict.fromkeys(result.engine for result in results):
        by_k = {result.k: result for result in results if result.engine == engine}
        cells = (format_cell(by_k[k]) if k in by_k else "" for k in ks)
        slowest = max(result.milliseconds for result in by_k.values())
        lines.append(f"| {engine} | {' | '.join(cells)} | {slowest:.1f} |")
    return "\n".join(lines)


def format_quality(result: Row) -> str:
    """MOTA / IDF1 / HOTA, in percent."""
    scores = result.scores
    return f"{100 * scores.mota:.1f} / {100 * scores.idf1:.1f} / {100 * scores.hota:.1f}"


def format_counts(title: str, results: Sequence[Row]) -> str:
    """A Markdown table of the counts behind the scores: a row for each engine and k.

    IDs are identity switches, Frag fragmentations, FP and FN boxes; MT and ML are the mostly
    tracked and mostly lost trajectories.
    """
    lines = [
        f"| {title} | k | MOTA | IDF1 | HOTA | IDs | Frag | FP | FN | MT | ML |",
        f"| --- |{' --- |' * 10}",
    ]
    for result in results:
        scores = result.scores
        shares = " | ".join(
            f"{100 * share:.1f}" for share in (scores.mota, scores.idf1, scores.hota)
        )
        lines.append(
            f"| {result.engine} | {result.k} | {shares} | {scores.switches} | "
            f"{scores.fragmentations} | {scores.false_positives} | {scores.misses} | "
            f"{scores.mostly_tracked} | {scores.mostly_lost} |"
        )
    return "\n".join(lines)

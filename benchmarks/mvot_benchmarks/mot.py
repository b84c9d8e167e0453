"""``mvot-bench mot``: MOTA, IDF1 and HOTA over engines and detector intervals."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol, TypeVar, runtime_checkable

from mvot_benchmarks.datasets import Sequence as Recorded
from mvot_benchmarks.datasets import open_sequence
from mvot_benchmarks.detection import PUBLIC, DetectorChoice
from mvot_benchmarks.scoring import Scorer, Scores, overall
from mvot_pipelines.pipeline import MotPipeline, PipelineConfig
from mvot_pipelines.sources import Source
from mvot_plugin.engines.base import MotionEngine
from mvot_plugin.types import Frame, Tracks

__all__ = [
    "QUALITY",
    "TOGETHER",
    "MotResult",
    "Row",
    "alike",
    "counts",
    "evaluate",
    "evaluate_one",
    "grid",
    "merged",
    "name_of",
    "quality",
    "score",
    "table",
    "told_apart",
]

QUALITY = "MOTA / IDF1 / HOTA"
"""What ``quality`` says of a row."""
TOGETHER = "all together"
"""What all sequences of a run are called in tables."""


@dataclass(frozen=True, kw_only=True)
class MotResult:
    """One sequence tracked by one engine at one k; ``milliseconds`` are motion and merging.

    They are the mean of ``frames`` frames. ``detector`` is its name, "replay" for the sequence's
    public detections.
    """

    sequence: str
    engine: str
    k: int
    scores: Scores
    milliseconds: float
    frames: int
    detector: str = PUBLIC


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
    """Track a sequence from a detector, by default its own detections; score against its truth.

    Raises ``InputError`` for a sequence that lacks one of them.
    """
    sequence, choice = open_sequence(folder), detector or DetectorChoice()
    pipeline = MotPipeline(choice.on(sequence), engine, k, config=config)
    with sequence.open() as source:
        scores = score(sequence, source, pipeline.run(source))
    seconds = pipeline.timer.seconds["motion"] + pipeline.timer.seconds["associate"]
    return MotResult(
        sequence=name_of(folder),
        engine=name,
        k=k,
        scores=scores,
        milliseconds=1e3 * seconds / pipeline.steps,
        frames=pipeline.steps,
        detector=choice.name,
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
        """How well it tracked."""

    @property
    def milliseconds(self) -> float:
        """What a frame cost."""

    @property
    def detector(self) -> str:
        """The detector's name."""


RowT = TypeVar("RowT", bound=Row)


def told_apart(rows: Sequence[RowT]) -> list[RowT]:
    """The rows, whose engines are named with their detectors where there are several of these."""
    if len({row.detector for row in rows}) < 2:
        return list(rows)
    label = "{0.engine}, {0.detector}".format
    return [replace(row, engine=label(row)) for row in rows]  # type: ignore[type-var]


def table(results: Sequence[MotResult]) -> str:
    """Markdown tables for each sequence, and for all together where there are several.

    First engines down, k across, and ``QUALITY`` in each cell; then the counts behind it.
    """
    together = [merged(rows, "frames") for rows in alike(results, "engine", "k", "detector")]
    results, blocks = told_apart([*results, *together]), []
    for name in dict.fromkeys(result.sequence for result in results):
        here = [result for result in results if result.sequence == name]
        blocks.append(grid(f"{name}: {QUALITY}", here, quality))
        blocks.append(counts(name, here))
    return "\n\n".join(blocks)


def alike(rows: Sequence[RowT], *names: str) -> list[list[RowT]]:
    """Rows that are the same in these fields, one of every sequence; none of a lone sequence."""
    groups: dict[tuple[Any, ...], list[RowT]] = {}
    for row in rows:
        groups.setdefault(tuple(getattr(row, name) for name in names), []).append(row)
    most = len({row.sequence for row in rows})
    return [group for group in groups.values() if len(group) == most > 1]


def merged(rows: Sequence[RowT], weight: str, *counted: str) -> RowT:
    """Rows of several sequences as one: the fields ``weight`` and ``counted`` are added up.

    Milliseconds are the mean weighted by the former.
    """
    sums = {name: sum(getattr(row, name) for row in rows) for name in (weight, *counted)}
    spent = sum(row.milliseconds * getattr(row, weight) for row in rows)
    return replace(  # type: ignore[type-var]
        rows[0],
        sequence=TOGETHER,
        scores=overall([row.scores for row in rows]),
        milliseconds=spent / sums[weight],
        **sums,
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
    """MOTA / IDF1 / HOTA, in percent."""
    scores = result.scores
    return f"{100 * scores.mota:.1f} / {100 * scores.idf1:.1f} / {100 * scores.hota:.1f}"


def counts(title: str, results: Sequence[Row]) -> str:
    """A Markdown table of what the figures are made of: a row for each engine and k.

    IDs are identity switches, Frag interruptions; FP and FN are boxes; MT and ML are objects that
    were found on 80 % of their frames or more, and on less than 20 %.
    """
    lines = [
        f"| {title} | k | MOTA | IDF1 | HOTA | IDs | Frag | FP | FN | MT | ML |",
        f"| --- |{' --- |' * 10}",
    ]
    for result in results:
        one = result.scores
        shares = " | ".join(f"{100 * share:.1f}" for share in (one.mota, one.idf1, one.hota))
        lines.append(
            f"| {result.engine} | {result.k} | {shares} | {one.switches} | {one.fragmentations} | "
            f"{one.false_positives} | {one.misses} | {one.mostly_tracked} | {one.mostly_lost} |"
        )
    return "\n".join(lines)

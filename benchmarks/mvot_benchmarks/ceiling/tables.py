"""The tables and sentences of ``mvot-bench ceiling``."""

from collections.abc import Iterable, Sequence
from dataclasses import astuple

from mvot_benchmarks.ceiling.measurement import (
    PART_NAMES,
    CeilingResult,
    pool_results,
    split_missing,
)
from mvot_benchmarks.metrics.scoring import Scores
from mvot_benchmarks.reporting.tables import (
    QUALITIES,
    QUALITY_HEADING,
    group_across_sequences,
    label_detectors,
)

__all__ = ["add_pooled", "describe_missing", "format_table"]

_RUNS = {
    "scores": "as it is",
    "true_motion": "true motion",
    "true_identities": "true identities",
    "true_motion_identities": "both",
    "true_detector": "true detector",
    "all_true": "all three",
}
"""Headings of the scores of ``CeilingResult``."""


def add_pooled(results: Sequence[CeilingResult]) -> list[CeilingResult]:
    """The results, with their detectors in the engines' names where there are several.

    Where they are of several sequences, those of all together follow.
    """
    groups = group_across_sequences(results, "engine", "k", "detector")
    return label_detectors([*results, *(pool_results(group) for group in groups)])


def format_table(results: Sequence[CeilingResult]) -> str:
    """Markdown tables for each sequence, and for all together where there are several.

    First the scores with each part of the pipeline perfect; then the ``Parts`` that are missing.
    A row for each engine and k, and ``QUALITY_HEADING`` in each cell.
    """
    results, blocks = add_pooled(results), []
    for name in dict.fromkeys(result.sequence for result in results):
        rows = [result for result in results if result.sequence == name]
        blocks += [_format_runs(name, rows), _format_parts(name, rows)]
    return "\n\n".join(blocks)


def describe_missing(results: Sequence[CeilingResult]) -> str:
    """A line for each result that says what its missing points of IDF1 are."""
    return "\n".join(_describe_result(result) for result in add_pooled(results))


def _describe_result(result: CeilingResult) -> str:
    parts = split_missing(result, "idf1")
    return (
        f"{result.sequence} {result.engine} k = {result.k}: of {parts.missing:.1f} missing points "
        f"of IDF1, {parts.identity:.1f} are identity, {parts.motion:.1f} motion, "
        f"{parts.detector:.1f} the detector, {parts.delay:.1f} delay"
    )


def _format_runs(name: str, results: Sequence[CeilingResult]) -> str:
    lines = _format_head(f"{name}: {QUALITY_HEADING}", _RUNS.values())
    for result in results:
        runs = (getattr(result, run) for run in _RUNS)
        lines.append(_format_row(result, [_to_percent(scores) for scores in runs]))
    return "\n".join(lines)


def _format_parts(name: str, results: Sequence[CeilingResult]) -> str:
    lines = _format_head(f"{name}: points of {QUALITY_HEADING}", PART_NAMES)
    for result in results:
        by_metric = (astuple(split_missing(result, metric)) for metric in QUALITIES)
        lines.append(_format_row(result, list(zip(*by_metric, strict=True))))
    return "\n".join(lines)


def _format_head(title: str, columns: Iterable[str]) -> list[str]:
    names = [title, "k", *columns]
    return [f"| {' | '.join(names)} |", f"|{' --- |' * len(names)}"]


def _format_row(result: CeilingResult, cells: Sequence[tuple[float, ...]]) -> str:
    texts = (" / ".join(f"{value:.1f}" for value in cell) for cell in cells)
    return f"| {' | '.join([result.engine, str(result.k), *texts])} |"


def _to_percent(scores: Scores) -> tuple[float, ...]:
    return tuple(100 * getattr(scores, metric) for metric in QUALITIES)

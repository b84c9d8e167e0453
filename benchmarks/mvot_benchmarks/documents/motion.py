"""Tables of motion alone: engines, and engines without one of their parts."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from mvot_benchmarks import ablation, vot
from mvot_benchmarks.commands.motion import VotResult
from mvot_benchmarks.documents.keys import Keys, select_rows
from mvot_benchmarks.documents.quality import ALL, MEAN
from mvot_benchmarks.documents.tables import Table, parse_tables
from mvot_benchmarks.reporting.results import Results
from mvot_benchmarks.vot import VotScore, pool_vot_scores
from mvot_plugin.errors import UsageError, unknown_name

__all__ = ["build_ablation", "build_motion"]

_COLUMNS = "accuracy,robustness,mean IoU,AUC"
_AVERAGED = "accuracy", "robustness", "mean_iou", "success", "auc", "milliseconds"


def build_motion(run: Results[Any], keys: Keys) -> list[Table]:
    """Accuracy, robustness, mean IoU and AUC of engines; others by the key ``columns``."""
    rows, rate = run.rows, ""
    if "fps" in keys:
        rows = select_rows(rows, keys, "fps", lambda row: row.fps)
        rate = "" if rows[0].fps is None else f" at {rows[0].fps:g} fps"
    scores: dict[str, dict[str, VotScore]] = {}
    for row in rows:
        label = row.engine if "fps" in keys else _label(row)
        scores.setdefault(label, {})[row.sequence] = row.score
    label, chosen = _choose_scores(scores, keys)
    flat = [(label, engine, score) for engine, score in chosen.items()]
    (table,) = parse_tables(vot.format_table(flat))
    table = replace(table, heading=f"{table.heading}{rate}")
    return [table if "columns" in keys else table.choose_columns(_COLUMNS)]


def _label(row: VotResult) -> str:
    return row.engine if row.fps is None else f"{row.engine} at {row.fps:g} fps"


def build_ablation(run: Results[Any], keys: Keys) -> list[Table]:
    """The scores of an engine with all parts, and without one; in brackets the difference."""
    scores: dict[str, dict[str, VotScore]] = {}
    for row in run.rows:
        scores.setdefault(row.parts, {})[row.sequence] = row.score
    label, chosen = _choose_scores(scores, keys)
    table = ablation.format_table({parts: [score] for parts, score in chosen.items()})
    (wide,) = parse_tables(table)
    rows = []
    for name, *cells in wide.rows:
        pairs = zip(cells[::2], cells[1::2], strict=True)
        rows.append((name, *(f"{value} ({by})" if by else value for value, by in pairs)))
    return [Table(heading=label, columns=wide.columns[::2], rows=tuple(rows))]


def _choose_scores(
    scores: Mapping[str, Mapping[str, VotScore]], keys: Keys
) -> tuple[str, dict[str, VotScore]]:
    """What the key ``over`` means, as a heading, and a score for each row that has all of it."""
    over = keys.text("over", MEAN)
    names = dict.fromkeys(name for by_sequence in scores.values() for name in by_sequence)
    if over not in (MEAN, ALL):
        if over not in names:
            raise unknown_name("over", over, [MEAN, ALL, *names])
        return over, {row: own[over] for row, own in scores.items() if over in own}
    if len(names) < 2:
        raise UsageError(f"the results are of one sequence: say over={next(iter(names))}")
    whole = {row: list(own.values()) for row, own in scores.items() if own.keys() == names.keys()}
    if over == ALL:
        return f"{len(names)} sequences as one", {r: pool_vot_scores(o) for r, o in whole.items()}
    return f"mean of {len(names)} sequences", {row: _average(own) for row, own in whole.items()}


def _average(scores: Sequence[VotScore]) -> VotScore:
    """The mean over sequences, each of the same weight, without those where there is nothing."""
    means: dict[str, Any] = {}
    for name in _AVERAGED:
        values = np.array([getattr(one, name) for one in scores], np.float64)
        values = values[~np.isnan(values)]
        means[name] = float(values.mean()) if len(values) else float("nan")
    return replace(pool_vot_scores(scores), **means)

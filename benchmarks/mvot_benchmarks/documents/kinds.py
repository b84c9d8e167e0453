"""What marks can be filled with."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mvot_benchmarks.documents import cost, motion, quality, realtime
from mvot_benchmarks.documents.keys import Keys
from mvot_benchmarks.documents.tables import Table
from mvot_benchmarks.reporting.results import Results
from mvot_plugin.errors import UsageError

__all__ = ["KINDS", "PICTURE", "Kind", "build_tables"]

PICTURE = "picture"
"""The kind that is no table."""
_COMMON_KEYS = "results", "rows", "columns", "provenance"
_QUALITY_KEYS = "over", "k", "scores", "spread"
_TIMED_KEYS = "fps", "ms", "mode"
_SIZE_KEYS = "size", "targets"


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of table."""

    commands: tuple[str, ...]
    """The commands whose results it can be made of."""
    build: Callable[[Results[Any], Keys], list[Table]]
    """Makes the tables; rows and columns are chosen afterwards."""
    keys: tuple[str, ...] = ()
    """Its keys besides those that all have."""
    chooses_rows: bool = True
    """Whether ``rows`` are names of rows; otherwise ``build`` makes of them what it likes."""


KINDS: Mapping[str, Kind] = {
    "quality": Kind(commands=("mot", "peers"), build=quality.build_quality, keys=_QUALITY_KEYS),
    "summary": Kind(
        commands=("mot", "peers"),
        build=quality.build_summary,
        keys=("detector",),
        chooses_rows=False,
    ),
    "motion": Kind(commands=("vot",), build=motion.build_motion, keys=("over", "fps")),
    "ablation": Kind(commands=("ablation",), build=motion.build_ablation, keys=("over",)),
    "realtime": Kind(
        commands=("rt",), build=realtime.build_realtime, keys=(*_QUALITY_KEYS, *_TIMED_KEYS)
    ),
    "processed": Kind(
        commands=("rt",), build=realtime.build_processed, keys=("over", "k", *_TIMED_KEYS)
    ),
    "costs": Kind(commands=("rt",), build=realtime.build_costs, keys=("scores", "latency")),
    "intervals": Kind(
        commands=("intervals",), build=quality.build_intervals, keys=("table", "k", "scores")
    ),
    "ceiling": Kind(
        commands=("ceiling",), build=quality.build_ceiling, keys=("over", "table", "k", "scores")
    ),
    "fps": Kind(commands=("scaling",), build=cost.build_fps, keys=_SIZE_KEYS),
    "share": Kind(commands=("scaling",), build=cost.build_share, keys=_SIZE_KEYS),
    "stages": Kind(
        commands=("scaling",), build=cost.build_stages, keys=_SIZE_KEYS, chooses_rows=False
    ),
    "overhead": Kind(
        commands=("overhead",), build=cost.build_overhead, keys=("targets", "k", "embedder")
    ),
    "soak": Kind(commands=("soak",), build=cost.build_soak),
    "streams": Kind(commands=("streams",), build=cost.build_streams, keys=("part", "k")),
    "joining": Kind(commands=("joining",), build=cost.build_joining),
}
"""The kinds of tables by name."""


def build_tables(name: str, run: Results[Any], given: Mapping[str, str]) -> Sequence[Table]:
    """The tables of a kind, with the keys that were given.

    Raises ``UsageError`` for keys that it does not have or that name nothing, and for results of
    another command.
    """
    kind = KINDS[name]
    keys = Keys(given, (*_COMMON_KEYS, *kind.keys))
    if run.command not in kind.commands:
        raise UsageError(f"{name} is of results of {' or '.join(kind.commands)}, not {run.command}")
    if not run.rows:
        raise UsageError("the results have no rows")
    tables: Sequence[Table] = kind.build(run, keys)
    if kind.chooses_rows and "rows" in keys:
        tables = [table.choose_rows(keys.text("rows")) for table in tables]
    if "columns" in keys:
        tables = [table.choose_columns(keys.text("columns")) for table in tables]
    return tables

"""Tables of cost: engines by targets and by stage, many streams, long runs, joined pieces."""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from mvot_benchmarks import overhead
from mvot_benchmarks.documents.keys import Keys
from mvot_benchmarks.documents.tables import Table, parse_tables, split_names
from mvot_benchmarks.reporting.results import Results
from mvot_benchmarks.scaling import tables as scaling_tables
from mvot_benchmarks.scaling.measurement import ScalingRow
from mvot_benchmarks.soak import tables as soak_tables
from mvot_benchmarks.streams import joining
from mvot_benchmarks.streams import tables as stream_tables
from mvot_plugin.errors import UsageError, unknown_name

__all__ = [
    "build_fps",
    "build_joining",
    "build_overhead",
    "build_share",
    "build_soak",
    "build_stages",
    "build_streams",
]

_USUAL_SIZE = "1280x720"
_STREAM_PARTS = {
    "cost": r"streams per core",
    "stages": r"processor, ms/frame",
    "processes": r"\d+ streams?, ",
    "memory": r"one process, streams",
    "cluster": r"one video of",
}
"""How the headings of the tables of ``streams`` begin."""


def build_fps(run: Results[Any], keys: Keys) -> list[Table]:
    """Frames per second of engines by the number of targets, at one size."""
    return [_pick_by_targets(_choose_size(run.rows, keys), r"fps at", keys)]


def build_share(run: Results[Any], keys: Keys) -> list[Table]:
    """The time of a frame as a share of that of as many trackers of OpenCV."""
    return [_pick_by_targets(_choose_size(run.rows, keys), r"ms/frame as a share", keys)]


def _choose_size(rows: Sequence[ScalingRow], keys: Keys) -> list[ScalingRow]:
    sizes = {f"{row.size[0]}x{row.size[1]}": row.size for row in rows}
    default = _USUAL_SIZE if _USUAL_SIZE in sizes else next(iter(sizes))
    size = keys.text("size", default)
    if size not in sizes:
        raise unknown_name("size", size, sizes)
    return [row for row in rows if row.size == sizes[size]]


def _pick_by_targets(rows: Sequence[ScalingRow], heading: str, keys: Keys) -> Table:
    """The table whose heading begins so, with a column for each number of targets."""
    table = _pick(parse_tables(scaling_tables.format_table(rows)), heading)
    if "columns" in keys:
        return table
    return table.choose_columns(",".join(f"N = {count}" for count in _choose_targets(rows, keys)))


def _choose_targets(rows: Sequence[ScalingRow], keys: Keys) -> list[str]:
    return keys.choices("targets", [str(n) for n in sorted({row.targets for row in rows})])


def _pick(tables: Sequence[Table], heading: str) -> Table:
    """The first table whose heading matches a pattern from its start."""
    for table in tables:
        if re.match(heading, table.heading):
            return table
    raise UsageError(f"the results have none of this; their tables: {_name(tables)}")


def _name(tables: Sequence[Table]) -> str:
    return "; ".join(table.heading for table in tables)


def build_stages(run: Results[Any], keys: Keys) -> list[Table]:
    """Milliseconds of each stage by the number of targets, at one size: a table an engine."""
    rows = _choose_size(run.rows, keys)
    known = {row.engine: row.engine for row in rows}
    engines = split_names(keys.text("rows", ",".join(known)), known, "row")
    tables = []
    for engine in engines:
        own = [row for row in rows if row.engine == engine]
        (wide,) = parse_tables(scaling_tables.format_table(own))[-1:]
        wide = wide.choose_rows(engine).where("targets", ",".join(_choose_targets(own, keys)))
        named = tuple((f"N = {targets}", *rest) for _, _, targets, *rest in wide.rows)
        wide = replace(wide, columns=wide.columns[2:], rows=named)
        size = f"{own[0].size[0]}x{own[0].size[1]}"
        tables.append(wide.transpose(f"{engine}: ms/frame at {size}"))
    return tables


def build_overhead(run: Results[Any], keys: Keys) -> list[Table]:
    """The time of the pipeline without detector and engine."""
    (table,) = parse_tables(overhead.format_table(run.rows))
    if "targets" in keys:
        table = table.choose_rows(keys.text("targets"))
    for name in ("k", "embedder"):
        if name in keys:
            table = table.where(name, keys.text(name))
    return [table]


def build_soak(run: Results[Any], keys: Keys) -> list[Table]:
    """What has grown in long runs, an engine a row."""
    table = parse_tables(soak_tables.format_table(run.rows))[0]
    return [table if "columns" in keys else table.leave_out("identities", "detector failures")]


def build_streams(run: Results[Any], keys: Keys) -> list[Table]:
    """One of the tables of many streams."""
    part = keys.choice("part", list(_STREAM_PARTS))
    table = _pick(parse_tables(stream_tables.format_table(run.rows)), _STREAM_PARTS[part])
    if "k" in keys and part == "stages":
        table = table.where("k", keys.text("k"))
        table = table if len(table.rows) > len(set(table.names)) else table.leave_out("k")
    elif "k" in keys:
        table = table.choose_columns(",".join(f"k = {k}" for k in keys.text("k").split(",")))
    return [table]


def build_joining(run: Results[Any], keys: Keys) -> list[Table]:
    """The scores of unbroken runs and of joined pieces, and what the joints cost."""
    (wide,) = parse_tables(joining.format_table(run.rows))
    lengths = {row.seconds for row in run.rows}
    rows = []
    for (name, k, tracked, *cells), row in zip(wide.rows, run.rows, strict=True):
        name = row.sequence if len(lengths) == 1 else name
        rows.append((f"{name}, {tracked}", k, *cells))
    heading = f"{lengths.pop():g} s of a sequence" if len(lengths) == 1 else wide.heading
    columns = wide.columns[0], *wide.columns[2:]
    table = Table(heading=heading, columns=columns, rows=tuple(rows))
    ks = {row[1] for row in rows}
    return [table.leave_out("k") if len(ks) == 1 else table]

"""The tables of ``mvot-bench soak``."""

from collections.abc import Sequence
from dataclasses import fields

from mvot_benchmarks.soak.measurement import TOLERANCES, SoakResult
from mvot_benchmarks.soak.meter import Tenth

__all__ = ["describe_failures", "format_row", "format_table"]

_TITLES = {
    "memory": "memory, MB",
    "cpu": "CPU, ms/frame",
    "wall": "wall, ms/frame",
    "threads": "threads",
    "files": "open files",
}


def format_table(results: Sequence[SoakResult]) -> str:
    """Markdown tables: the growth of each engine, then its tenths."""
    return "\n\n".join([_format_growth(results), *map(_format_tenths, results)])


def _label(row: SoakResult) -> str:
    """The engine's name, and the runtime where it was asked for."""
    return row.engine if row.runtime == "auto" else f"{row.engine}, {row.runtime}"


def format_row(row: SoakResult) -> str:
    """A row as a line of progress."""
    columns = ", ".join(f"{_TITLES[name]} {_format_column(row, name)}" for name in TOLERANCES)
    return f"{_label(row)}, {row.frames} frames: {columns}"


def describe_failures(results: Sequence[SoakResult]) -> str:
    """What has grown, in a sentence; empty where everything stayed flat."""
    failures = [
        f"{_label(row)}: {name} grew by {growth:.1f} %"
        for row in results
        for name, growth in row.grown.items()
    ]
    return "; ".join(failures)


def _format_growth(results: Sequence[SoakResult]) -> str:
    titles = [_TITLES[name] for name in TOLERANCES]
    heads = "engine", "frames", "identities", "detector failures", *titles
    lines = [f"| {' | '.join(heads)} |", f"| --- |{' --- |' * (len(heads) - 1)}"]
    for row in results:
        columns = " | ".join(_format_column(row, name) for name in TOLERANCES)
        lines.append(
            f"| {_label(row)} | {row.frames} | {row.identities} | {row.failures} | {columns} |"
        )
    return "\n".join(lines)


def _format_column(row: SoakResult, name: str) -> str:
    """The last tenth, its growth since the second, and the verdict."""
    last, growth = getattr(row.tenths[-1], name), row.growth(name)
    verdict = "**FAILED**" if name in row.grown else "flat"
    return f"{_format(last)} ({growth:+.1f} %, {verdict})"


def _format_tenths(row: SoakResult) -> str:
    numbers = " | ".join(str(number) for number in range(1, len(row.tenths) + 1))
    lines = [f"| {_label(row)}, by tenths | {numbers} |", f"| --- |{' --- |' * len(row.tenths)}"]
    for column in fields(Tenth):
        values = (_format(getattr(tenth, column.name)) for tenth in row.tenths)
        lines.append(f"| {_TITLES[column.name]} | {' | '.join(values)} |")
    return "\n".join(lines)


def _format(value: float | int) -> str:
    return str(value) if isinstance(value, int) else f"{value:.2f}"

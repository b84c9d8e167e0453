"""``mvot-bench report``: the JSON files of runs as Markdown, plots and one HTML page."""

import base64
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mvot_benchmarks import mot, overhead
from mvot_benchmarks.ceiling import measurement as ceiling
from mvot_benchmarks.ceiling import plots as ceiling_plots
from mvot_benchmarks.ceiling import tables as ceiling_tables
from mvot_benchmarks.commands.motion import (
    AblationResult,
    VotResult,
    format_ablation_table,
    format_vot_table,
)
from mvot_benchmarks.detectors import PUBLIC
from mvot_benchmarks.intervals import plots as interval_plots
from mvot_benchmarks.intervals import tables as interval_tables
from mvot_benchmarks.intervals.measurement import IntervalResult
from mvot_benchmarks.peers import comparison
from mvot_benchmarks.realtime import plots as realtime_plots
from mvot_benchmarks.realtime import tables as realtime_tables
from mvot_benchmarks.realtime.measurement import RtResult
from mvot_benchmarks.reporting import plots
from mvot_benchmarks.reporting.results import Results, format_command, read_results
from mvot_benchmarks.scaling import measurement as scaling
from mvot_benchmarks.scaling import plots as scaling_plots
from mvot_benchmarks.scaling import tables as scaling_tables
from mvot_benchmarks.soak import tables as soak_tables
from mvot_benchmarks.soak.measurement import SoakResult
from mvot_benchmarks.streams import joining
from mvot_benchmarks.streams import plots as stream_plots
from mvot_benchmarks.streams import tables as stream_tables
from mvot_benchmarks.streams.results import StreamsRow
from mvot_plugin.errors import OutputError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["KINDS", "Section", "build_sections", "to_html", "to_markdown", "write_report"]

KINDS: Mapping[str, tuple[type[Any], Callable[[Any], str]]] = {
    "mot": (mot.MotResult, mot.format_table),
    "rt": (RtResult, realtime_tables.format_table),
    "intervals": (IntervalResult, interval_tables.format_table),
    "ceiling": (ceiling.CeilingResult, ceiling_tables.format_table),
    "peers": (comparison.PeerResult, comparison.format_table),
    "vot": (VotResult, format_vot_table),
    "ablation": (AblationResult, format_ablation_table),
    "scaling": (scaling.ScalingRow, scaling_tables.format_table),
    "soak": (SoakResult, soak_tables.format_table),
    "overhead": (overhead.Overhead, overhead.format_table),
    "streams": (StreamsRow, stream_tables.format_table),
    "joining": (joining.JoiningResult, joining.format_table),
}
"""By command, the class of its rows, and the function that formats them as a Markdown table."""

_PAGE = """\
<!doctype html>
<html lang="en"><meta charset="utf-8"><title>mvot-bench</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
body {{ font: 15px/1.5 sans-serif; max-width: 62em; margin: 2em auto; padding: 0 1em }}
p, pre {{ overflow-wrap: anywhere }}
.scroll {{ overflow-x: auto; margin: 1em 0 }}
table {{ border-collapse: collapse }}
td + td {{ white-space: nowrap }}
td, th {{ border: 1px solid #ccc; padding: .2em .7em; text-align: right }}
td:first-child, th:first-child {{ text-align: left; position: sticky; left: 0 }}
td:first-child, th:first-child {{ background: #fff; box-shadow: inset -1px 0 #ccc }}
img {{ max-width: 100%; height: auto }}
pre {{ background: #f4f4f4; padding: .5em; white-space: pre-wrap }}
</style>
<h1>mvot-bench</h1>
{body}
</html>
"""


@dataclass(frozen=True, kw_only=True)
class Section:
    """The part of a report on one run."""

    title: str
    """The name of the command."""
    command: str
    """The command line."""
    about: str
    """When and where it ran, in a line."""
    table: str = ""
    """Markdown tables of the results."""
    plots: Mapping[str, bytes] = field(default_factory=dict)
    """PNG files by name."""


def write_report(paths: Sequence[Path], folder: Path) -> list[Path]:
    """Write ``report.md``, the plots and ``report.html`` into a folder; returns their paths.

    Raises ``InputError`` for a file that holds no results, ``UsageError`` without matplotlib and
    ``OutputError`` where the folder cannot be written.
    """
    kinds = {command: kind for command, (kind, _) in KINDS.items()}
    sections = build_sections([read_results(path, kinds) for path in paths])
    files = {name: data for section in sections for name, data in section.plots.items()}
    files["report.md"] = to_markdown(sections).encode()
    files["report.html"] = to_html(sections).encode()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in files.items():
            (folder / name).write_bytes(data)
    except OSError as error:
        raise OutputError(f"cannot write into {folder}: {error.strerror or error}") from error
    return [folder / name for name in files]


def build_sections(runs: Sequence[Results[Any]]) -> list[Section]:
    """A section for each run; runs of ``mot`` and ``rt`` share one plot, in the first of them.

    Runs of ``rt`` that compare costs of a detector have a plot of their own.
    """
    quality = [run for run in runs if run.command in ("mot", "rt") and run.rows]
    quality = [run for run in quality if not _compares_costs(run)]
    sections = []
    for number, run in enumerate(runs, 1):
        figures = _draw_figures(run, number) if run.rows else {}
        if quality and run is quality[0]:
            untimed = [row for one in quality if one.command == "mot" for row in one.rows]
            timed = [row for one in quality if one.command == "rt" for row in one.rows]
            figures["quality.png"] = plots.draw_quality(untimed, timed)
        sections.append(
            Section(
                title=run.command,
                command=format_command(run.arguments),
                about=_describe_run(run),
                table=KINDS[run.command][1](run.rows) if run.rows else "",
                plots={name: plots.encode_png(figure) for name, figure in figures.items()},
            )
        )
    return sections


def _draw_figures(run: Results[Any], number: int) -> "dict[str, Figure]":
    """The plots of one run on its own, by file name; ``number`` tells runs of a command apart."""
    rows, figures = run.rows, {}
    if run.command == "scaling":
        figures[f"speed-{number}.png"] = scaling_plots.draw_speed(rows)
        if any(row.stages for row in rows):
            figures[f"stages-{number}.png"] = scaling_plots.draw_stages(rows)
    if run.command == "peers":
        figures[f"peers-{number}.png"] = plots.draw_quality(comparison.to_mot_results(rows))
    if _compares_costs(run):
        figures[f"detector-cost-{number}.png"] = realtime_plots.draw_costs(rows)
    if run.command == "intervals":
        figures[f"intervals-{number}.png"] = interval_plots.draw_curves(rows)
    if run.command == "ceiling":
        figures[f"ceiling-{number}.png"] = ceiling_plots.draw_missing(rows)
    if run.command == "streams":
        figures[f"streams-{number}.png"] = stream_plots.draw_streams(rows)
    return figures


def _compares_costs(run: Results[Any]) -> bool:
    """Whether a run of ``rt`` is about detectors of several costs, or beside the tracker."""
    kinds = {(row.detector_ms, row.mode) for row in run.rows} if run.command == "rt" else set()
    return len(kinds) > 1


def to_markdown(sections: Sequence[Section]) -> str:
    """The sections as Markdown, with links to the plots."""
    blocks = []
    for section in sections:
        fence = "`" * (3 + section.command.count("`"))
        blocks += [
            f"## {section.title}",
            f"{fence}\n{section.command}\n{fence}",
            escape(section.about, quote=False),
            escape(section.table, quote=False),
        ]
        blocks += [f"![{section.title}]({name})" for name in section.plots]
    return "\n\n".join(block for block in blocks if block) + "\n"


def to_html(sections: Sequence[Section]) -> str:
    """The sections as one HTML page, with the plots embedded."""
    blocks = []
    for section in sections:
        blocks += [f"<h2>{escape(section.title)}</h2>", f"<pre>{escape(section.command)}</pre>"]
        blocks.append(f"<p>{escape(section.about)}</p>")
        blocks += [_html_table(table) for table in section.table.split("\n\n") if table]
        for name, data in section.plots.items():
            code = base64.b64encode(data).decode()
            blocks.append(f'<img alt="{escape(name)}" src="data:image/png;base64,{code}">')
    return _PAGE.format(body="\n".join(blocks))


def _describe_run(run: Results[Any]) -> str:
    """When and where a run took place, in a line."""
    environment = run.environment
    packages = ", ".join(
        f"{name} {number}" for name, number in environment["packages"].items() if number
    )
    sentences = [
        f"{run.date}; mvot-plugin {environment['version']}, commit {environment['commit']}; "
        f"{environment['device']} on {environment['cpu']}, {environment['threads']} threads; "
        f"{packages}."
    ]
    detectors = [
        "each sequence's det/det.txt" if name == PUBLIC else name
        for name in run.settings.get("detector", ())
    ]
    sentences += [f"Detections: {', '.join(detectors)}."] if detectors else []
    skipped = run.settings.get("skipped", {})
    sentences += [f"{name} was skipped: it {why}." for name, why in skipped.items()]
    if not run.complete:
        sentences.append("This run was cut short.")
    return " ".join(sentences)


def _html_cell(markdown: str) -> str:
    """A cell's text as HTML, with its bold parts."""
    return re.sub(r"\*\*(.+?)\*\*", r"<b>\1</b>", escape(markdown))


def _html_table(markdown: str) -> str:
    """One of our Markdown tables (headings, dashes, rows) as HTML, to scroll where it is wide."""
    head, _, *rows = (
        [_html_cell(cell.strip()) for cell in line.split("|")[1:-1]]
        for line in markdown.splitlines()
    )
    lines = [f"<tr><th>{'<th>'.join(head)}"]
    lines += [f"<tr><td>{'<td>'.join(row)}" for row in rows]
    return "\n".join(['<div class="scroll" tabindex="0"><table>', *lines, "</table></div>"])

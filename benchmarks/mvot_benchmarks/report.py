"""``mvot-bench report``: the JSONs of runs as Markdown, plots, and one HTML page to look at."""

import base64
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any

from mvot_benchmarks import mot, overhead, plots, rt, scaling, scaling_plots, scaling_tables
from mvot_benchmarks.commands.motion import AblationResult, VotResult, ablation_table, vot_table
from mvot_benchmarks.peers import comparison
from mvot_benchmarks.results import Results, command_line, read_results
from mvot_plugin.errors import OutputError

__all__ = ["KINDS", "Section", "report", "sections", "to_html", "to_markdown"]

KINDS: Mapping[str, tuple[type[Any], Callable[[Any], str]]] = {
    "mot": (mot.MotResult, mot.table),
    "rt": (rt.RtResult, rt.table),
    "peers": (comparison.PeerResult, comparison.table),
    "vot": (VotResult, vot_table),
    "ablation": (AblationResult, ablation_table),
    "scaling": (scaling.Scaling, scaling_tables.table),
    "overhead": (overhead.Overhead, overhead.table),
}
"""By command, the class of its rows, and what makes a Markdown table of them."""

_PAGE = """\
<!doctype html>
<html lang="en"><meta charset="utf-8"><title>mvot-bench</title>
<style>
body {{ font: 15px/1.5 sans-serif; max-width: 62em; margin: 2em auto; padding: 0 1em }}
table {{ border-collapse: collapse; margin: 1em 0 }}
td, th {{ border: 1px solid #ccc; padding: .2em .7em; text-align: right }}
td:first-child, th:first-child {{ text-align: left }}
img {{ max-width: 100% }}
pre {{ background: #f4f4f4; padding: .5em; white-space: pre-wrap }}
</style>
<h1>mvot-bench</h1>
{body}
</html>
"""


@dataclass(frozen=True, kw_only=True)
class Section:
    """What there is to say of one run: its command line, where it ran, tables and pictures.

    ``pictures`` are PNG files by name.
    """

    title: str
    command: str
    about: str
    table: str = ""
    pictures: Mapping[str, bytes] = field(default_factory=dict)


def report(paths: Sequence[Path], folder: Path) -> list[Path]:
    """Write ``report.md``, the pictures and ``report.html`` into a folder; returns what it wrote.

    Raises ``InputError`` for a file that holds no results, ``UsageError`` without matplotlib and
    ``OutputError`` where the folder cannot be written.
    """
    kinds = {command: kind for command, (kind, _) in KINDS.items()}
    parts = sections([read_results(path, kinds) for path in paths])
    files = {name: data for part in parts for name, data in part.pictures.items()}
    files["report.md"] = to_markdown(parts).encode()
    files["report.html"] = to_html(parts).encode()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in files.items():
            (folder / name).write_bytes(data)
    except OSError as error:
        raise OutputError(f"cannot write into {folder}: {error.strerror or error}") from error
    return [folder / name for name in files]


def sections(runs: Sequence[Results[Any]]) -> list[Section]:
    """A section for each run; runs of ``mot`` and ``rt`` share one picture, in the first's."""
    quality = [run for run in runs if run.command in ("mot", "rt") and run.rows]
    parts = []
    for number, run in enumerate(runs, 1):
        pictures = {}
        if quality and run is quality[0]:
            without = [row for one in quality if one.command == "mot" for row in one.rows]
            timed = [row for one in quality if one.command == "rt" for row in one.rows]
            pictures["quality.png"] = plots.png(plots.quality_figure(without, timed))
        if run.command == "scaling" and run.rows:
            pictures[f"speed-{number}.png"] = plots.png(scaling_plots.speed_figure(run.rows))
            if any(row.stages for row in run.rows):
                pictures[f"stages-{number}.png"] = plots.png(scaling_plots.stages_figure(run.rows))
        if run.command == "peers" and run.rows:
            figure = plots.quality_figure(comparison.tracked(run.rows))
            pictures[f"peers-{number}.png"] = plots.png(figure)
        parts.append(
            Section(
                title=run.command,
                command=command_line(run.arguments),
                about=_about(run),
                table=KINDS[run.command][1](run.rows) if run.rows else "",
                pictures=pictures,
            )
        )
    return parts


def to_markdown(parts: Sequence[Section]) -> str:
    """The sections with links to their pictures."""
    blocks = []
    for part in parts:
        blocks += [f"## {part.title}", f"```\n{part.command}\n```", part.about, part.table]
        blocks += [f"![{part.title}]({name})" for name in part.pictures]
    return "\n\n".join(block for block in blocks if block) + "\n"


def to_html(parts: Sequence[Section]) -> str:
    """A page that holds its pictures itself."""
    blocks = []
    for part in parts:
        blocks += [f"<h2>{escape(part.title)}</h2>", f"<pre>{escape(part.command)}</pre>"]
        blocks.append(f"<p>{escape(part.about)}</p>")
        blocks += [_html_table(table) for table in part.table.split("\n\n") if table]
        for name, data in part.pictures.items():
            code = base64.b64encode(data).decode()
            blocks.append(f'<img alt="{escape(name)}" src="data:image/png;base64,{code}">')
    return _PAGE.format(body="\n".join(blocks))


def _about(run: Results[Any]) -> str:
    """Where, when and what ran, in a line."""
    where = run.environment
    packages = ", ".join(f"{name} {of}" for name, of in where["packages"].items() if of)
    words = [
        f"{run.date}; mvot-plugin {where['version']}, commit {where['commit']}; "
        f"{where['device']} on {where['cpu']}, {where['threads']} threads; {packages}."
    ]
    skipped = run.settings.get("skipped", {})
    words += [f"{name} was skipped: it {why}." for name, why in skipped.items()]
    if not run.complete:
        words.append("This run was cut short.")
    return " ".join(words)


def _cell(markdown: str) -> str:
    """Text with parts in bold."""
    return re.sub(r"\*\*(.+?)\*\*", r"<b>\1</b>", escape(markdown))


def _html_table(markdown: str) -> str:
    """One of our own tables: a line of heads, a line of dashes, rows."""
    head, _, *rows = (
        [_cell(cell.strip()) for cell in line.split("|")[1:-1]] for line in markdown.splitlines()
    )
    lines = [f"<tr><th>{'<th>'.join(head)}"]
    lines += [f"<tr><td>{'<td>'.join(row)}" for row in rows]
    return "\n".join(["<table>", *lines, "</table>"])

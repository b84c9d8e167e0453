"""Pictures of results: PNG files that name what they were drawn from."""

import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mvot_benchmarks.ceiling.plots import draw_missing
from mvot_benchmarks.documents.keys import Keys
from mvot_benchmarks.documents.quality import MEAN, read_quality, select_sequences
from mvot_benchmarks.documents.tables import split_names
from mvot_benchmarks.extras import import_extra
from mvot_benchmarks.intervals.plots import draw_curves
from mvot_benchmarks.mot import MotResult
from mvot_benchmarks.realtime.plots import draw_costs, draw_trade_off
from mvot_benchmarks.reporting.plots import draw_quality, encode_png
from mvot_benchmarks.reporting.results import Results
from mvot_benchmarks.reporting.tables import QUALITIES, group_rows
from mvot_benchmarks.scaling.plots import draw_speed, draw_stages
from mvot_benchmarks.streams.plots import draw_streams
from mvot_plugin.errors import UsageError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["PICTURE_KEYS", "PLOTS", "Picture", "build_picture", "draw", "is_current"]

PICTURE_KEYS = ("results", "plot", "alt", "rows", "provenance")
"""The keys of the kind ``picture``."""
_DPI = 160
_SOURCE = "Source"
"""The entry of a picture's metadata that says what it was drawn from."""


@dataclass(frozen=True, kw_only=True)
class Plot:
    """A way to draw results."""

    commands: tuple[str, ...]
    """The commands whose results can be drawn so."""
    draw: "Callable[[Results[Any]], Figure]"
    """Draws them."""


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A file to draw."""

    path: Path
    """The file."""
    plot: Plot
    """How it is drawn."""
    run: Results[Any]
    """The results, only with the rows that are meant."""
    source: str
    """The SHA-256 of what decides how it looks: the file of results, the plot and its rows."""


def _draw_mean(run: Results[Any]) -> "Figure":
    """The quality against k, in the mean over the sequences."""
    rows, label = select_sequences(read_quality(run), MEAN)
    groups = group_rows(rows, "engine", "k")
    return draw_quality([_average(group, label.removesuffix(" sequences")) for group in groups])


def _average(group: Sequence[MotResult], label: str) -> MotResult:
    """The first row of a group with the mean of its shares."""
    means: dict[str, Any] = {
        name: float(np.mean([getattr(row.scores, name) for row in group])) for name in QUALITIES
    }
    return replace(group[0], sequence=label, scores=replace(group[0].scores, **means))


PLOTS: Mapping[str, Plot] = {
    "quality": Plot(commands=("mot", "peers"), draw=_draw_mean),
    "costs": Plot(commands=("rt",), draw=lambda run: draw_costs(run.rows)),
    "trade-off": Plot(commands=("rt",), draw=lambda run: draw_trade_off(run.rows)),
    "speed": Plot(commands=("scaling",), draw=lambda run: draw_speed(run.rows)),
    "stages": Plot(commands=("scaling",), draw=lambda run: draw_stages(run.rows)),
    "intervals": Plot(commands=("intervals",), draw=lambda run: draw_curves(run.rows)),
    "ceiling": Plot(commands=("ceiling",), draw=lambda run: draw_missing(run.rows)),
    "streams": Plot(commands=("streams",), draw=lambda run: draw_streams(run.rows)),
}
"""The plots by the values of the key ``plot``."""


def build_picture(
    run: Results[Any], stored: bytes, name: str, keys: Keys, document: Path
) -> tuple[Picture, str]:
    """The picture of a mark, and the Markdown that shows it.

    Args:
        run: The results.
        stored: Their file's content.
        name: Their name.
        keys: The keys of the mark.
        document: The file that the mark is in.

    Raises:
        UsageError: An unknown plot, one that these results cannot be drawn by, unknown rows, or
            no text for those who do not see the picture.
    """
    plot_name, alt = keys.choice("plot", list(PLOTS)), keys.text("alt")
    plot = PLOTS[plot_name]
    if "plot" not in keys or not alt or "]" in alt:
        raise UsageError('a picture needs plot=NAME, and alt="what it shows" without brackets')
    if run.command not in plot.commands:
        raise UsageError(f"plot={plot_name} is of {' or '.join(plot.commands)}, not {run.command}")
    parts = [name, plot_name]
    if "rows" in keys:
        known = {row.engine: row.engine for row in run.rows if hasattr(row, "engine")}
        chosen = split_names(keys.text("rows"), known, "row")
        run = replace(run, path=None, rows=[row for row in run.rows if row.engine in chosen])
        parts += chosen
    path = _find_images(document) / f"{'-'.join(parts).replace(' ', '-')}.png"
    seed = "\n".join([*parts[1:], ""]).encode() + stored
    source = hashlib.sha256(seed).hexdigest()
    link = Path(os.path.relpath(path, document.parent)).as_posix()
    return Picture(path=path, plot=plot, run=run, source=source), f"![{alt}]({link})"


def _find_images(document: Path) -> Path:
    """The folder of pictures: that of the folder ``docs`` beside a document, or around it."""
    beside = document.absolute().parent / "docs"
    around = (folder for folder in document.absolute().parents if folder.name == "docs")
    return (beside if beside.is_dir() else next(around, beside)) / "images"


def draw(picture: Picture) -> bytes:
    """The content of a picture's file; raises ``UsageError`` without matplotlib."""
    return encode_png(picture.plot.draw(picture.run), dpi=_DPI, **{_SOURCE: picture.source})


def is_current(picture: Picture) -> bool:
    """Whether the file is there and was drawn from these results."""
    image = import_extra("PIL.Image", "pictures")
    try:
        with image.open(picture.path) as opened:
            return bool(opened.info.get(_SOURCE) == picture.source)
    except (OSError, SyntaxError, ValueError):  # what PIL raises for damaged files
        return False

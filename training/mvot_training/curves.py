"""Tables of losses and validation metrics by step, and their plots."""

import csv
from pathlib import Path

from tqdm import tqdm

__all__ = ["append_row", "draw_curves"]


def append_row(path: Path, step: int, values: dict[str, float]) -> None:
    """Append the values of a step to a CSV file; the first row is preceded by a header."""
    is_new = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.writer(file)
        if is_new:
            writer.writerow(["step", *values])
        writer.writerow([step, *(f"{v:.5f}" for v in values.values())])


def draw_curves(folder: Path) -> None:
    """Plot the tables that a training wrote into a folder as ``curves.png`` there.

    Without matplotlib a line says that there is no plot.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        tqdm.write(
            f"no curves.png, it needs matplotlib ({error}): pip install 'mvot-plugin[train]'"
        )
        return
    tables = [path for path in (folder / "losses.csv", folder / "validation.csv") if path.exists()]
    figure = Figure(figsize=(6 * len(tables), 4), layout="constrained")
    for axis, path in zip(figure.subplots(1, len(tables), squeeze=False)[0], tables, strict=True):
        with path.open(newline="") as file:
            rows = list(csv.DictReader(file))
        steps = [int(row["step"]) for row in rows]
        for name in list(rows[0])[1:]:
            is_total = name in ("loss", "mean", "quality")
            values = [float(row[name]) for row in rows]
            axis.plot(steps, values, label=name, linewidth=2.5 if is_total else 1)
        axis.set(title=path.stem, xlabel="step", ylim=(0, None))
        axis.grid(alpha=0.3)
        axis.legend(fontsize=8)
    figure.savefig(folder / "curves.png", dpi=120)

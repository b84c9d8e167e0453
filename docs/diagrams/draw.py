"""Draw the diagrams of the documents: each ``.dot`` of this folder as an SVG in ``../images``.

    python docs/diagrams/draw.py [NAME...]

Needs Graphviz (the command ``dot``). A drawing names the SHA-256 of its source, by which the tests
tell one that is out of date.
"""

import hashlib
import re
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parent
IMAGES = FOLDER.parent / "images"
LOOK = """
  graph [rankdir=LR, bgcolor="white", pad=0.2, nodesep=0.3, ranksep=0.45,
         fontname="Helvetica,Arial,sans-serif", fontsize=12, fontcolor="#37474f", color="#90a4ae",
         style="rounded,dashed"];
  node [shape=box, style="rounded,filled", fillcolor="#ffffff", color="#546e7a", penwidth=1.2,
        fontname="Helvetica,Arial,sans-serif", fontsize=12, margin="0.14,0.08"];
  edge [color="#546e7a", arrowsize=0.7, fontname="Helvetica,Arial,sans-serif", fontsize=10,
        fontcolor="#37474f"];
"""
"""How all diagrams look; a diagram may say otherwise."""


def hash_source(path: Path) -> str:
    """The SHA-256 of a diagram's source."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def draw(path: Path) -> Path:
    """Draw one diagram; returns the SVG."""
    source = path.read_text(encoding="utf-8").replace("{", "{" + LOOK, 1)
    done = subprocess.run(
        ["dot", "-Tsvg"], input=source, capture_output=True, text=True, check=True
    )
    svg = re.sub(r"<!-- Generated.*?-->\n", "", done.stdout, flags=re.DOTALL)
    mark = f"<!-- docs/diagrams/{path.name}, SHA-256 {hash_source(path)} -->\n<svg "
    target = IMAGES / f"{path.stem}.svg"
    target.write_text(svg.replace("<svg ", mark, 1), encoding="utf-8")
    return target


def main() -> None:
    """Draw the diagrams that are named, or all."""
    IMAGES.mkdir(exist_ok=True)
    names = sys.argv[1:] or sorted(path.stem for path in FOLDER.glob("*.dot"))
    for name in names:
        print(draw(FOLDER / f"{name}.dot"))


if __name__ == "__main__":
    main()
